-- Accounts under the names of talea's SQL backend.
SELECT book,
       path AS account_key,
       asset,
       kind,
       min_balance,
       closed,
       metadata
  FROM public.accounts
