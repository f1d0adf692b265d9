-- What each salesperson may still sell, with the sources that it comes from.
SELECT d.full_name AS salesperson, s.label AS source, count(*) AS deals, sum(deals.amount) AS amount
FROM crm.deals
JOIN crm.customers AS c ON c.id = deals.customer_id
JOIN crm.lead_sources AS s ON s.id = c.lead_source_id
JOIN user_management.directory AS d ON d.user_id = c.owner_id
WHERE deals.closed_at IS NULL
GROUP BY d.full_name, s.label
ORDER BY amount DESC NULLS LAST;
