-- accounts_at_lsn(book text, lsn bigint): the accounts of a book as they stood at a position of
-- the log.
SELECT book, path, asset, kind, normal_side, min_balance, balance, debits, credits, metadata,
       closed, updated_seq, opened_seq, opened_at
  FROM "at a moment".accounts AS "the accounts"
 WHERE book = $1::text
   AND as_of_lsn = $2::bigint
