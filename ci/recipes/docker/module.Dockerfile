# One module's own image (here crm): its migrations and its application, on the coordinator's image.
#
#   docker build --file module.Dockerfile --tag registry.example.com/nexus-crm:2.1.0 .     # in the module's repository
#
# The other modules are not in it, and need not be: the ledger knows them. Every replica may start at once.
ARG COORDINATOR=registry.example.com/migrate:0.1.0

FROM ${COORDINATOR}
WORKDIR /app
# Settings, map and migrations, as in the checkout; root's, so that nobody can change them at run time.
COPY migrate.toml database_map.md ./
COPY modules/crm modules/crm
# COPY … the application and what it needs; an application in another language goes the same way, by its own packages.
ENTRYPOINT ["migrate-entrypoint"]
CMD ["python3", "-m", "http.server", "3000"]
