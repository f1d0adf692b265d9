"""The parts of the catalog query that read schemas, privileges and what belongs to the database as a whole.

The columns are those of `catalog_relations`.
"""

SCHEMAS = r"""
SELECT 'schema', n.nspname, '', '',
       concat_ws(E'\n', 'owner ' || pg_get_userbyid(n.nspowner), 'comment ' || d.description), NULL,
           NULL, NULL
  FROM schemas AS n
  LEFT JOIN said AS d ON d.classoid = 'pg_namespace'::regclass AND d.objoid = n.oid
"""

# An entry that equals the default is the same as no entry; `nobody` is the list that somebody has emptied.
PRIVILEGES = r"""
SELECT g.kind, g.schema, g.name, g.part, coalesce(here.text, 'nobody'), NULL, NULL, NULL
  FROM (
      SELECT CASE WHEN relkind = 'S' THEN 'grants on sequence' ELSE 'grants on table' END AS kind,
             nspname AS schema, relname AS name, '' AS part, relacl AS acl, relowner AS owner,
             acldefault(CASE WHEN relkind = 'S' THEN 's' ELSE 'r' END::"char", relowner) AS usual
        FROM relations WHERE relacl IS NOT NULL
      UNION ALL
      SELECT 'grants on column', r.nspname, r.relname, a.attname, a.attacl, r.relowner, acldefault('c',
          r.relowner)
        FROM relations AS r JOIN pg_attribute AS a ON a.attrelid = r.oid
       WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
      UNION ALL
      SELECT 'grants on function', n.nspname, p.proname, oidvectortypes(p.proargtypes), p.proacl,
          p.proowner,
             acldefault('f', p.proowner)
        FROM pg_proc AS p JOIN schemas AS n ON n.oid = p.pronamespace WHERE p.proacl IS NOT NULL
      UNION ALL
      SELECT 'grants on type', n.nspname, t.typname, '', t.typacl, t.typowner, acldefault('T', t.typowner)
        FROM types AS t JOIN schemas AS n ON n.oid = t.typnamespace WHERE t.typacl IS NOT NULL
      UNION ALL
      SELECT 'grants on schema', nspname, '', '', nspacl, nspowner, acldefault('n', nspowner)
        FROM schemas WHERE nspacl IS NOT NULL
      UNION ALL
      SELECT 'grants on language', '', lanname, '', lanacl, lanowner, acldefault('l', lanowner)
        FROM pg_language WHERE lanacl IS NOT NULL
      UNION ALL
      SELECT 'grants on database', '', '', '', datacl, datdba, acldefault('d', datdba)
        FROM pg_database WHERE datname = current_database() AND datacl IS NOT NULL
  ) AS g,
  LATERAL (
      SELECT string_agg(line, E'\n' ORDER BY line) AS text FROM (
          SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee)::text END || ': '
                 || string_agg(privilege_type || CASE WHEN is_grantable THEN ' with grant option'
                     ELSE '' END,
                        ', ' ORDER BY privilege_type)
                 || CASE WHEN grantor <> g.owner THEN ' by ' || pg_get_userbyid(grantor)
                     ELSE '' END AS line
            FROM aclexplode(g.acl) GROUP BY grantee, grantor) AS lines
  ) AS here
 WHERE NOT (g.acl @> g.usual AND g.usual @> g.acl)
"""

DEFAULT_PRIVILEGES = r"""
SELECT 'default privileges', coalesce(n.nspname, ''), pg_get_userbyid(a.defaclrole),
       CASE a.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
           WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE a.defaclobjtype::text END,
       coalesce((SELECT string_agg(line, E'\n' ORDER BY line) FROM (
           SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee)::text END || ': '
                  || string_agg(privilege_type || CASE WHEN is_grantable THEN ' with grant option'
                      ELSE '' END,
                         ', ' ORDER BY privilege_type) AS line
             FROM aclexplode(a.defaclacl) GROUP BY grantee) AS lines), 'nobody'),
       NULL, NULL, NULL
  FROM pg_default_acl AS a
  LEFT JOIN schemas AS n ON n.oid = a.defaclnamespace
 WHERE a.defaclnamespace = 0 OR n.oid IS NOT NULL
"""

EXTENSIONS = r"""
SELECT 'extension', '', e.extname, '',
       concat_ws(E'\n', 'owner ' || pg_get_userbyid(e.extowner), 'version ' || e.extversion,
           'schema ' || (SELECT nspname FROM pg_namespace WHERE oid = e.extnamespace)),
       NULL, NULL, NULL
  FROM pg_extension AS e
"""

EVENT_TRIGGERS = r"""
SELECT 'event trigger', '', e.evtname, '',
       concat_ws(E'\n', 'owner ' || pg_get_userbyid(e.evtowner), 'on ' || e.evtevent, 'calls '
           || e.evtfoid::regprocedure::text,
           (SELECT 'for ' || string_agg(o, ', ' ORDER BY o) FROM unnest(e.evttags) AS o),
           CASE e.evtenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled on replicas'
               WHEN 'A' THEN 'enabled always' END,
           'comment ' || d.description),
       NULL, NULL, concat_ws(' ', e.xmin::text || e.ctid::text, d.version)
  FROM pg_event_trigger AS e
  LEFT JOIN said AS d ON d.classoid = 'pg_event_trigger'::regclass AND d.objoid = e.oid
 WHERE e.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_event_trigger'::regclass)
"""

CASTS = r"""
SELECT 'cast', '', format_type(c.castsource, NULL) || ' as ' || format_type(c.casttarget, NULL), '',
       concat_ws(E'\n', 'function ' || nullif(c.castfunc, 0)::regprocedure::text, 'method '
           || c.castmethod::text,
           'context ' || c.castcontext::text, 'comment ' || d.description),
       NULL, NULL, concat_ws(' ', c.xmin::text || c.ctid::text, d.version)
  FROM pg_cast AS c
  LEFT JOIN said AS d ON d.classoid = 'pg_cast'::regclass AND d.objoid = c.oid
 WHERE c.oid >= 16384 AND c.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_cast'::regclass)
   -- A range type brings its own.
   AND NOT EXISTS (SELECT FROM pg_depend AS i WHERE i.classid = 'pg_cast'::regclass AND i.objid = c.oid
       AND i.deptype = 'i')
"""

# The options of a server may hold a password, so only a digest of them is read; the same for settings.
FOREIGN_DATA = r"""
SELECT 'foreign data wrapper', '', w.fdwname, '',
       concat_ws(E'\n', 'owner ' || pg_get_userbyid(w.fdwowner), 'handler ' || nullif(w.fdwhandler,
           0)::regprocedure::text,
           'validator ' || nullif(w.fdwvalidator, 0)::regprocedure::text,
           'digest of options ' || encode(sha256(convert_to(w.fdwoptions::text, 'UTF8')), 'hex')),
       NULL, NULL, NULL
  FROM pg_foreign_data_wrapper AS w
 WHERE w.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_foreign_data_wrapper'::regclass)
UNION ALL
SELECT 'foreign server', '', s.srvname, '',
       concat_ws(E'\n', 'owner ' || pg_get_userbyid(s.srvowner), 'type ' || s.srvtype, 'version '
           || s.srvversion,
           (SELECT 'wrapper ' || w.fdwname FROM pg_foreign_data_wrapper AS w WHERE w.oid = s.srvfdw),
           'digest of options ' || encode(sha256(convert_to(s.srvoptions::text, 'UTF8')), 'hex')),
       NULL, NULL, NULL
  FROM pg_foreign_server AS s
UNION ALL
SELECT 'language', '', l.lanname, '',
       concat_ws(E'\n', 'owner ' || pg_get_userbyid(l.lanowner), CASE
           WHEN l.lanpltrusted THEN 'trusted' END,
           'handler ' || nullif(l.lanplcallfoid, 0)::regprocedure::text),
       NULL, NULL, NULL
  FROM pg_language AS l
 WHERE l.oid >= 16384 AND l.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_language'::regclass)
UNION ALL
SELECT 'database setting', '', CASE s.setrole WHEN 0 THEN 'of everybody' ELSE 'of '
    || pg_get_userbyid(s.setrole) END,
       split_part(o, '=', 1),
       'digest ' || encode(sha256(convert_to(o, 'UTF8')), 'hex'), NULL, NULL, NULL
  FROM pg_db_role_setting AS s, unnest(s.setconfig) AS o
 WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

PUBLICATIONS = r"""
SELECT 'publication', '', p.pubname, '',
       concat_ws(E'\n', 'owner ' || pg_get_userbyid(p.pubowner),
           (to_jsonb(p) - 'oid' - 'pubname' - 'pubowner')::text,
           'comment ' || d.description),
       NULL, NULL, NULL
  FROM pg_publication AS p
  LEFT JOIN said AS d ON d.classoid = 'pg_publication'::regclass AND d.objoid = p.oid
"""

PUBLISHED_14 = r"""
SELECT 'published table', r.nspname, r.relname, p.pubname, 'all columns', NULL, NULL, NULL
  FROM relations AS r
  JOIN pg_publication_rel AS t ON t.prrelid = r.oid
  JOIN pg_publication AS p ON p.oid = t.prpubid
"""

PUBLISHED_15 = r"""
SELECT 'published table', r.nspname, r.relname, p.pubname,
       concat_ws(E'\n',
           coalesce((SELECT 'columns ' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname)
                       FROM pg_attribute AS a WHERE a.attrelid = r.oid
                           AND a.attnum = ANY (t.prattrs::smallint[])), 'all columns'),
           'where ' || pg_get_expr(t.prqual, t.prrelid)),
       NULL, NULL, t.xmin::text || t.ctid::text
  FROM relations AS r
  JOIN pg_publication_rel AS t ON t.prrelid = r.oid
  JOIN pg_publication AS p ON p.oid = t.prpubid
UNION ALL
SELECT 'published schema', n.nspname, p.pubname, '', 'all tables', NULL, NULL, NULL
  FROM schemas AS n
  JOIN pg_publication_namespace AS t ON t.pnnspid = n.oid
  JOIN pg_publication AS p ON p.oid = t.pnpubid
"""
