// What a JavaScript program does with tallybook through node-postgres, as plain assertions.
//
// Started by the end-to-end tests with the port of a server that holds the book `shop`.

"use strict";

const assert = require("node:assert/strict");
const { Client, Pool } = require("pg");

// Queueing many queries on one client works, and many programs do it; the driver now warns of it.
process.noDeprecation = true;

const server = { host: "127.0.0.1", port: Number(process.argv[2]), user: "tester", database: "tallybook" };
const MOST = "9".repeat(30);

const INSERT = `INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
                VALUES ('shop', $1, 'cash', 'sales', $2)`;
const POST = `${INSERT} RETURNING tx_id, seq, amount, committed_at, deduplicated`;
const FOUND = `SELECT count(*) AS n, count(DISTINCT committed_at) AS frames
               FROM transactions WHERE book = 'shop' AND idempotency_key LIKE $1`;

async function connected(options, use) {
  const client = new Client({ ...server, ...options });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

// How many there are of the transactions with such keys, and in how many frames of the log.
async function found(client, like) {
  const { n, frames } = (await client.query(FOUND, [like])).rows[0];
  return [Number(n), Number(frames)];
}

// The numbered keys and amounts of `count` posts.
function numbered(prefix, count) {
  return Array.from({ length: count }, (_, n) => [`${prefix}${n}`, n + 1]);
}

async function refused(code, constraint, promise) {
  const error = await promise.then(
    () => assert.fail(`not refused with ${code}`),
    (reason) => reason,
  );
  assert.deepEqual([error.code, error.constraint], [code, constraint], error.stack);
  return error;
}

async function parameters(client) {
  for (const again of [false, true]) {
    const { rows, rowCount, command } = await client.query(POST, ["parameters", 1500]);
    assert.deepEqual([rowCount, command, rows[0].deduplicated], [1, "INSERT", again]);
    assert.match(rows[0].tx_id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/);
    assert(Number(rows[0].seq) > 0 && rows[0].committed_at instanceof Date);
  }
  assert.equal((await client.query(INSERT, ["parameters-2", "20"])).rowCount, 1);
}

// Amounts are strings both ways, so none of them is rounded.
async function amounts(client) {
  for (const [n, amount] of [MOST, "1500.00", BigInt(MOST) - 1n, 7].entries()) {
    const { rows } = await client.query(POST, [`amount-${n}`, amount]);
    assert.equal(rows[0].amount, String(amount).replace(".00", ""));
  }
  const { rows } = await client.query("SELECT balance, -balance AS turned FROM accounts WHERE path = 'cash'");
  assert.equal(BigInt(rows[0].balance), -BigInt(rows[0].turned));
  assert(BigInt(rows[0].balance) > BigInt(MOST));
  await refused("22003", undefined, client.query(POST, ["fraction", 5.01]));
  await refused("22P02", undefined, client.query(POST, ["words", "a lot"]));
}

async function values(client) {
  const occurred_at = new Date("1993-01-02T03:04:05.678Z");
  const metadata = { n: 1, text: "účet 'quoted'", list: [true, null, { deep: 1.5 }] };
  const postings = [
    { account: "cash", amount: "1500", direction: "debit" },
    { account: "sales", amount: "1500", direction: "credit" },
  ];
  const { rows } = await client.query(
    `INSERT INTO transactions (book, idempotency_key, postings, occurred_at, metadata, external_refs)
     VALUES ($1, $2, $3, $4, $5, $6) RETURNING *`,
    // The driver turns objects into JSON, and arrays into arrays of Postgres.
    ["shop", "values", JSON.stringify(postings), occurred_at, metadata, { order: 7 }],
  );
  assert.deepEqual(rows[0].occurred_at, occurred_at);
  assert.deepEqual(rows[0].metadata, metadata);
  assert.deepEqual(rows[0].external_refs, { order: 7 });
  assert.deepEqual(rows[0].postings.map((leg) => leg.account), ["cash", "sales"]);
  const read = await client.query(
    `SELECT tx_id FROM transactions
     WHERE tx_id = $1 AND occurred_at = $2 AND metadata ->> 'n' = $3`,
    [rows[0].tx_id, occurred_at, "1"],
  );
  assert.deepEqual(read.rows, [{ tx_id: rows[0].tx_id }]);
}

async function named(client) {
  for (let n = 0; n < 8; n++) {
    const statement = { name: "post", text: POST, values: [`named-${n}`, n + 1] };
    assert.equal((await client.query(statement)).rows[0].deduplicated, false);
    assert.equal((await client.query(statement)).rows[0].deduplicated, true);
    const select = { name: "look", text: FOUND, values: ["named-%"], rowMode: "array" };
    assert.deepEqual((await client.query(select)).rows, [[`${n + 1}`, `${n + 1}`]]);
  }
  // A failure leaves the statement as it is.
  const bad = { name: "post", text: POST, values: ["named-bad", 0] };
  await refused("23514", "postings_amount_positive", client.query(bad));
  assert.equal((await client.query({ ...bad, values: ["named-8", 9] })).rowCount, 1);
}

async function blocks(client) {
  await connected({}, async (other) => {
    await client.query("BEGIN");
    assert.equal((await client.query(POST, ["block-1", 5])).rows[0].seq, null);
    await client.query(INSERT, ["block-2", 5]);
    assert.deepEqual(await found(client, "block-%"), [2, 0]);
    assert.deepEqual(await found(other, "block-%"), [0, 0]);
    assert.equal((await client.query("COMMIT")).command, "COMMIT");
    assert.deepEqual(await found(other, "block-%"), [2, 1]);
  });
  await client.query("BEGIN");
  await client.query(INSERT, ["block-3", 5]);
  await client.query("ROLLBACK");

  await client.query("BEGIN ISOLATION LEVEL SERIALIZABLE");
  await client.query(INSERT, ["block-4", 5]);
  await refused("23503", "postings_account_fkey", client.query(INSERT.replace("cash", "nobody"), ["block-5", 5]));
  await refused("25P02", undefined, client.query(INSERT, ["block-6", 5]));
  assert.equal((await client.query("COMMIT")).command, "ROLLBACK");
  assert.deepEqual(await found(client, "block-%"), [2, 1]);
}

async function savepoints(client) {
  await client.query("BEGIN");
  await client.query(INSERT, ["savepoint-1", 5]);
  await client.query("SAVEPOINT one");
  await refused("23514", "postings_amount_positive", client.query(INSERT, ["savepoint-2", 0]));
  await client.query("ROLLBACK TO SAVEPOINT one");
  await client.query(INSERT, ["savepoint-3", 5]);
  await client.query("RELEASE SAVEPOINT one");
  await client.query("COMMIT");
  assert.deepEqual(await found(client, "savepoint-%"), [2, 1]);
}

async function assembled(client) {
  async function assemble(key, debit, credit) {
    await client.query("BEGIN");
    const { rows } = await client.query(
      "INSERT INTO transactions (book, idempotency_key) VALUES ($1, $2) RETURNING tx_id",
      ["shop", key],
    );
    await client.query(
      `INSERT INTO postings (tx_id, account, amount, direction)
       VALUES ($1, $2, $3, $4), ($5, $6, $7, $8)`,
      [rows[0].tx_id, "cash", debit, "debit", rows[0].tx_id, "sales", credit, "credit"],
    );
    return client.query("COMMIT");
  }
  await assemble("assembled-1", 700, 700);
  await refused("23514", "transactions_balanced", assemble("assembled-2", 700, 701));
  assert.deepEqual(await found(client, "assembled-%"), [1, 1]);
}

// One client sends them one after another, each its own block.
async function queued(client, prefix = "queued-") {
  const posts = numbered(prefix, 100).map((post) => client.query(POST, post));
  const seqs = (await Promise.all(posts)).map((result) => Number(result.rows[0].seq));
  assert.deepEqual(seqs, Array.from({ length: 100 }, (_, n) => seqs[0] + n));
  // One in ten is refused, and only that one.
  const mixed = numbered(`mixed-${prefix}`, 100).map(([key, n]) => client.query(POST, [key, n % 10]));
  const outcomes = await Promise.allSettled(mixed);
  assert.equal(outcomes.filter(({ reason }) => reason?.code === "23514").length, 10);
  assert.equal((await found(client, `mixed-${prefix}%`))[0], 90);
}

// All are sent at once, each with a Sync of its own, and answered in order.
async function pipelined() {
  await connected({ pipeline: true }, async (client) => {
    await queued(client, "piped-");
    // A read behind writes sees them.
    const [, , seen] = await Promise.all([
      client.query(INSERT, ["behind-1", 5]),
      client.query(INSERT, ["behind-2", 5]),
      found(client, "behind-%"),
    ]);
    assert.equal(seen[0], 2);
    // A block is pipelined like everything else.
    const outcomes = await Promise.allSettled([
      client.query("BEGIN"),
      client.query(INSERT, ["piped-block-1", 5]),
      client.query(INSERT, ["piped-block-2", 0]),
      client.query(INSERT, ["piped-block-3", 5]),
      client.query("ROLLBACK"),
      client.query("BEGIN"),
      ...numbered("piped-block-", 10).map((post) => client.query(INSERT, post)),
      client.query("COMMIT"),
    ]);
    const codes = outcomes.map(({ reason }) => reason?.code).filter((code) => code);
    assert.deepEqual(codes, ["23514", "25P02"]);
    assert.deepEqual(await found(client, "piped-block-%"), [10, 1]);
  });
}

async function pooled() {
  const pool = new Pool({ ...server, max: 8 });
  try {
    const posts = numbered("pooled-", 100).map((post) => pool.query(POST, post));
    const seqs = (await Promise.all(posts)).map((result) => Number(result.rows[0].seq));
    assert.equal(new Set(seqs).size, 100);
    assert.equal((await found(pool, "pooled-%"))[0], 100);
    // The same key from everywhere posts once.
    const same = await Promise.all(posts.map(() => pool.query(POST, ["same", 5])));
    assert.equal(same.filter((result) => !result.rows[0].deduplicated).length, 1);
    assert.equal(new Set(same.map((result) => result.rows[0].tx_id)).size, 1);
    const blocks = Array.from({ length: 20 }, async (_, n) => {
      const client = await pool.connect();
      try {
        await client.query("BEGIN");
        await client.query(INSERT, [`pool-block-${n}-1`, 5]);
        await client.query(INSERT, [`pool-block-${n}-2`, 5]);
        await client.query(n % 2 === 0 ? "COMMIT" : "ROLLBACK");
      } finally {
        client.release();
      }
    });
    await Promise.all(blocks);
    assert.equal((await found(pool, "pool-block-%"))[0], 20);
  } finally {
    await pool.end();
  }
}

async function errors(client) {
  await client.query(INSERT, ["errors", 5]);
  const conflict = await refused("23505", "transactions_idempotency_key", client.query(INSERT, ["errors", 6]));
  assert.match(conflict.detail, /postings/);
  assert.equal(conflict.severity, "ERROR");
  const poor = INSERT.replace("cash", "wallet");
  await refused("23514", "accounts_min_balance", client.query(poor, ["errors-2", 5]));
  await refused("23502", undefined, client.query(INSERT, ["errors-3", null]));
  const deleting = await refused("0A000", undefined, client.query("DELETE FROM transactions"));
  assert(deleting.hint, deleting.message);
  const wrong = await refused("42601", undefined, client.query("SELEC 1"));
  assert.equal(wrong.position, "1");
}

async function multiStatement(client) {
  const transfer = (key, amount) =>
    INSERT.replace("$1", client.escapeLiteral(key)).replace("$2", amount);
  const results = await client.query(
    `${transfer("multi-1", 5)}; SELECT count(*) AS n FROM assets; ${transfer("multi-2", 6)} RETURNING seq`,
  );
  assert.deepEqual(results.map((result) => result.command), ["INSERT", "SELECT", "INSERT"]);
  assert.deepEqual(results[1].rows, [{ n: "3" }]);
  assert(Number(results[2].rows[0].seq) > 0, "the real seq");
  assert.deepEqual(await found(client, "multi-%"), [2, 1]);
  await refused(
    "23514", "postings_amount_positive", client.query(`${transfer("multi-3", 5)}; ${transfer("multi-4", 0)}`),
  );
  await refused("22012", undefined, client.query(`${transfer("multi-5", 5)}; SELECT 1/0`));
  assert.deepEqual(await found(client, "multi-%"), [2, 1]);
}

async function onConflict(client) {
  for (const target of ["", "(book, idempotency_key)"]) {
    const skip = (amount) => client.query(`${INSERT} ON CONFLICT ${target} DO NOTHING`, [`skip-${target}`, amount]);
    assert.deepEqual([(await skip(5)).rowCount, (await skip(5)).rowCount, (await skip(6)).rowCount], [1, 0, 0]);
  }
}

async function accountChanges(client) {
  const change = await client.query(
    `UPDATE accounts SET min_balance = $1, metadata = $2 WHERE book = $3 AND path = $4
     RETURNING path, min_balance, metadata`,
    ["-500", { owner: "tester" }, "shop", "till:eur"],
  );
  assert.deepEqual(change.rows, [{ path: "till:eur", min_balance: "-500", metadata: { owner: "tester" } }]);
  const none = await client.query("UPDATE accounts SET closed = true WHERE book = 'shop' AND path = 'none'");
  assert.deepEqual([none.command, none.rowCount], ["UPDATE", 0]);
}

async function main() {
  await connected({}, async (client) => {
    for (const step of [
      parameters, amounts, values, named, blocks, savepoints, assembled, queued, pipelined, pooled,
      errors, multiStatement, onConflict, accountChanges,
    ]) {
      await step(client);
      console.log(`${step.name}: fine`);
    }
  });
  console.log("all fine");
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
