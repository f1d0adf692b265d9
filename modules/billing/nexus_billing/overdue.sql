-- Invoices that should have been paid, and how to reach who owes them.
SELECT i.number, i.due_on, b.balance, c.name, c.email, c.telefone1
FROM billing.invoices AS i
JOIN billing.customer_balances AS b ON b.customer_id = i.customer_id
JOIN crm.customers AS c ON c.id = i.customer_id
WHERE i.status = 'issued' AND i.due_on < current_date AND b.balance > 0
ORDER BY i.due_on;
