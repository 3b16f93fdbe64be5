-- Postings with amounts as `minor` and directions as 'D' and 'C'.
SELECT tx_id,
       idx,
       book,
       seq,
       account AS account_key,
       asset,
       CASE direction WHEN 'debit' THEN 'D' ELSE 'C' END AS direction,
       amount AS minor,
       occurred_at,
       committed_at
  FROM public.postings
