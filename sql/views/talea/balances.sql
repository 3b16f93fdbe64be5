-- What every account holds, on its normal side, in minor units of its asset.
SELECT book,
       path AS account_key,
       asset,
       debits,
       credits,
       balance AS minor
  FROM public.accounts
