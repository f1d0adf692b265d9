-- Customers who booked and did not come, to be called by hand.
SELECT c.id, c.name, c.telefone1, count(*) AS missed
FROM agendamento.appointments AS a
JOIN crm.customers AS c ON c.id = a.customer_id
WHERE a.status = 'cancelled' AND a.starts_at > now() - interval '90 days'
GROUP BY c.id, c.name, c.telefone1
HAVING count(*) > 2
ORDER BY missed DESC;
