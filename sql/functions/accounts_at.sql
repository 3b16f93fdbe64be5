-- accounts_at(book text, t timestamptz): the accounts of a book as they stood at a moment of
-- recorded time.
SELECT book, path, asset, kind, normal_side, min_balance, balance, debits, credits, metadata,
       closed, updated_seq, opened_seq, opened_at
  FROM "at a moment".accounts AS "the accounts"
 WHERE book = $1::text
   AND as_of = $2::timestamptz
