// What a Java program does with tallybook through pgJDBC, as plain assertions.
//
// Started by the end-to-end tests with the port of a server that holds the book `shop`.

import java.io.ByteArrayInputStream;
import java.io.StringReader;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.postgresql.PGConnection;
import org.postgresql.PGStatement;
import org.postgresql.copy.CopyManager;
import org.postgresql.util.PSQLException;

public final class JdbcClient {
    static final String POST =
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)"
            + " VALUES ('shop', ?, 'cash', 'sales', ?)";
    static final String FOUND =
        "SELECT count(*) FROM transactions WHERE book = 'shop' AND idempotency_key LIKE ?";
    static final String FRAMES =
        "SELECT count(DISTINCT committed_at) FROM transactions"
            + " WHERE book = 'shop' AND idempotency_key LIKE ?";

    static int port;

    interface Step {
        void run() throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        port = Integer.parseInt(arguments[0]);
        Map<String, Step> steps = new LinkedHashMap<>();
        steps.put("autocommit", JdbcClient::autocommit);
        steps.put("blocks", JdbcClient::blocks);
        steps.put("failed blocks", JdbcClient::failedBlocks);
        steps.put("savepoints", JdbcClient::savepoints);
        steps.put("autosave", JdbcClient::autosave);
        steps.put("serializable", JdbcClient::serializable);
        steps.put("read only", JdbcClient::readOnly);
        steps.put("batch in a block", JdbcClient::batchInBlock);
        steps.put("batch with autocommit", JdbcClient::batchWithAutocommit);
        steps.put("batch of several Syncs", JdbcClient::batchOfSeveralSyncs);
        steps.put("batch with a conflict", JdbcClient::batchWithConflict);
        steps.put("batch of different statements", JdbcClient::batchOfStatements);
        steps.put("batch rewritten", JdbcClient::batchRewritten);
        steps.put("generated keys", JdbcClient::generatedKeys);
        steps.put("generated keys of a batch", JdbcClient::generatedKeysOfBatch);
        steps.put("types in text and binary", JdbcClient::types);
        steps.put("errors", JdbcClient::errors);
        steps.put("copy", JdbcClient::copy);
        steps.put("copy in pieces", JdbcClient::copyInPieces);
        steps.put("assembled as an ORM does", JdbcClient::assembled);
        steps.put("on conflict do nothing", JdbcClient::onConflict);
        steps.put("account changes", JdbcClient::accountChanges);
        steps.put("reading in portions", JdbcClient::portions);
        for (Map.Entry<String, Step> step : steps.entrySet()) {
            step.getValue().run();
            System.out.println(step.getKey() + ": fine");
        }
        System.out.println("all fine");
    }

    static void autocommit() throws SQLException {
        try (Connection connection = connect("");
                PreparedStatement post = connection.prepareStatement(
                    POST + " RETURNING tx_id, seq, committed_at, deduplicated")) {
            UUID first = null;
            for (boolean again : new boolean[] {false, true}) {
                post.setString(1, "autocommit");
                post.setBigDecimal(2, new BigDecimal("1500.00"));
                try (ResultSet row = post.executeQuery()) {
                    check(row.next(), "a row");
                    UUID txId = row.getObject(1, UUID.class);
                    equal(txId.version(), 7);
                    check(row.getLong(2) > 0 && row.getObject(3, OffsetDateTime.class) != null, "seq");
                    equal(row.getBoolean(4), again);
                    check(first == null || first.equals(txId), "the same transaction");
                    first = txId;
                }
            }
        }
    }

    static void blocks() throws SQLException {
        try (Connection connection = connect(""); Connection other = connect("")) {
            connection.setAutoCommit(false);
            post(connection, "block-1", 5);
            try (PreparedStatement post = connection.prepareStatement(POST + " RETURNING seq, tx_id")) {
                post.setString(1, "block-2");
                post.setInt(2, 6);
                try (ResultSet row = post.executeQuery()) {
                    check(row.next() && row.getObject(1) == null, "no seq before COMMIT");
                    check(row.getObject(2) instanceof UUID, "tx_id");
                }
            }
            equal(number(connection, FOUND, "block-%"), 2L);
            equal(number(other, FOUND, "block-%"), 0L);
            connection.commit();
            equal(number(other, FOUND, "block-%"), 2L);
            equal(number(other, FRAMES, "block-%"), 1L);

            post(connection, "block-3", 5);
            equal(number(connection, FOUND, "block-%"), 3L);
            connection.rollback();
            equal(number(connection, FOUND, "block-%"), 2L);
        }
    }

    static void failedBlocks() throws SQLException {
        try (Connection connection = connect("")) {
            connection.setAutoCommit(false);
            post(connection, "failed", 5);
            refused("23514", "postings_amount_positive", () -> post(connection, "failed-2", 0));
            refused("25P02", null, () -> post(connection, "failed-3", 5));
            refused("25P02", null, () -> number(connection, "SELECT 1"));
            connection.rollback();
            equal(number(connection, FOUND, "failed%"), 0L);
            // COMMIT of a failed block answers ROLLBACK, of which the driver makes nothing.
            post(connection, "failed-4", 5);
            refused("23514", "postings_amount_positive", () -> post(connection, "failed-5", 0));
            connection.commit();
            equal(number(connection, FOUND, "failed%"), 0L);
            post(connection, "failed", 5);
            connection.commit();
            equal(number(connection, FOUND, "failed%"), 1L);
        }
    }

    static void savepoints() throws SQLException {
        try (Connection connection = connect("")) {
            connection.setAutoCommit(false);
            post(connection, "savepoint-1", 5);
            Savepoint outer = connection.setSavepoint("Outer one");
            post(connection, "savepoint-2", 5);
            Savepoint inner = connection.setSavepoint();
            refused("23503", "postings_account_fkey", () -> transfer(connection, "nobody", "sales"));
            connection.rollback(inner);
            equal(number(connection, FOUND, "savepoint-%"), 2L);
            post(connection, "savepoint-3", 5);
            connection.releaseSavepoint(inner);
            equal(number(connection, FOUND, "savepoint-%"), 3L);
            connection.rollback(outer);
            equal(number(connection, FOUND, "savepoint-%"), 1L);
            post(connection, "savepoint-4", 5);
            connection.commit();
            equal(number(connection, FOUND, "savepoint-%"), 2L);
        }
    }

    // The driver sets a savepoint before each statement, and goes back to it when one fails.
    static void autosave() throws SQLException {
        try (Connection connection = connect("autosave=always")) {
            connection.setAutoCommit(false);
            post(connection, "autosave-1", 5);
            refused("23514", "postings_amount_positive", () -> post(connection, "autosave-2", 0));
            post(connection, "autosave-3", 5);
            equal(number(connection, FOUND, "autosave-%"), 2L);
            connection.commit();
            equal(number(connection, FOUND, "autosave-%"), 2L);
        }
    }

    static void serializable() throws SQLException {
        try (Connection connection = connect(""); Connection other = connect("")) {
            connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            equal(connection.getTransactionIsolation(), Connection.TRANSACTION_SERIALIZABLE);
            connection.setAutoCommit(false);
            for (boolean moved : new boolean[] {true, false}) {
                number(connection, "SELECT balance FROM accounts WHERE book = 'shop' AND path = 'cash'");
                if (moved) {
                    post(other, "serializable-other", 5);
                }
                post(connection, "serializable", 5);
                if (moved) {
                    refused("40001", null, connection::commit);
                    connection.rollback();
                } else {
                    connection.commit();
                }
            }
            equal(number(other, FOUND, "serializable"), 1L);
        }
    }

    static void readOnly() throws SQLException {
        try (Connection connection = connect("")) {
            connection.setReadOnly(true);
            connection.setAutoCommit(false);
            equal(number(connection, "SELECT 1"), 1L);
            refused("25006", null, () -> post(connection, "read-only", 5));
            connection.rollback();
            connection.setReadOnly(false);
            post(connection, "read-only", 5);
            connection.commit();
            equal(number(connection, FOUND, "read-only"), 1L);
        }
    }

    static void batchInBlock() throws SQLException {
        try (Connection connection = connect("")) {
            connection.setAutoCommit(false);
            equal(ones(batch(connection, "batch-", 0, 100)), 100);
            equal(ones(batch(connection, "batch-", 100, 600)), 500);
            equal(number(connection, FOUND, "batch-%"), 600L);
            connection.rollback();
            equal(number(connection, FOUND, "batch-%"), 0L);
            equal(ones(batch(connection, "batch-", 0, 600)), 600);
            connection.commit();
            equal(number(connection, FOUND, "batch-%"), 600L);
            equal(number(connection, FRAMES, "batch-%"), 1L);
        }
    }

    static void batchWithAutocommit() throws SQLException {
        try (Connection connection = connect("")) {
            equal(ones(batch(connection, "auto-", 0, 100)), 100);
            equal(number(connection, FOUND, "auto-%"), 100L);
            equal(number(connection, FRAMES, "auto-%"), 1L);
        }
    }

    // The driver sends a Sync after as many statements as might fill its receive buffer.
    static void batchOfSeveralSyncs() throws SQLException {
        try (Connection connection = connect("")) {
            equal(ones(batch(connection, "syncs-", 0, 1000)), 1000);
            equal(number(connection, FOUND, "syncs-%"), 1000L);
            long frames = number(connection, FRAMES, "syncs-%");
            check(frames > 1 && frames <= 10, "a few frames: " + frames);

            // Its last row conflicts: what earlier Syncs committed stays, and the driver knows it.
            post(connection, "lastly-999", 1);
            BatchUpdateException error = (BatchUpdateException) refused(
                "23505", "transactions_idempotency_key", () -> batch(connection, "lastly-", 0, 1000));
            int committed = ones(error.getUpdateCounts());
            check(committed > 0 && committed < 1000, "some: " + committed);
            equal(number(connection, FOUND, "lastly-%"), committed + 1L);
        }
    }

    static void batchWithConflict() throws SQLException {
        try (Connection connection = connect("")) {
            post(connection, "conflict-7", 1);
            for (boolean autocommit : new boolean[] {true, false}) {
                connection.setAutoCommit(autocommit);
                BatchUpdateException error = (BatchUpdateException) refused(
                    "23505", "transactions_idempotency_key",
                    () -> batch(connection, "conflict-", 0, 100));
                equal(error.getUpdateCounts().length, 100);
                equal(ones(error.getUpdateCounts()), 0);
                if (!autocommit) {
                    refused("25P02", null, () -> number(connection, "SELECT 1"));
                    connection.rollback();
                }
                equal(number(connection, FOUND, "conflict-%"), 1L);
            }
        }
    }

    static void batchOfStatements() throws SQLException {
        try (Connection connection = connect(""); Statement statement = connection.createStatement()) {
            statement.addBatch("INSERT INTO accounts (book, path, asset, kind) VALUES"
                + " ('shop', 'batch:a', 'USD', 'asset'), ('shop', 'batch:b', 'USD', 'asset')");
            statement.addBatch("INSERT INTO transfers (book, idempotency_key, debit_account,"
                + " credit_account, amount) VALUES ('shop', 'different', 'batch:a', 'batch:b', 5)");
            statement.addBatch("UPDATE accounts SET closed = true WHERE book = 'shop' AND path = 'batch:b'");
            equal(Arrays.toString(statement.executeBatch()), "[2, 1, 1]");
            equal(number(connection, FOUND, "different"), 1L);
        }
    }

    static void batchRewritten() throws SQLException {
        try (Connection connection = connect("reWriteBatchedInserts=true")) {
            for (boolean autocommit : new boolean[] {true, false}) {
                connection.setAutoCommit(autocommit);
                String prefix = autocommit ? "rewritten-auto-" : "rewritten-block-";
                int[] counts = batch(connection, prefix, 0, 300);
                equal(counts.length, 300);
                check(Arrays.stream(counts).allMatch(n -> n == 1 || n == Statement.SUCCESS_NO_INFO),
                    Arrays.toString(counts));
                equal(number(connection, FOUND, prefix + "%"), 300L);
                if (!autocommit) {
                    connection.commit();
                }
                equal(number(connection, FRAMES, prefix + "%"), 1L);
                // Again, with other amounts in the first rows.
                refused("23505", "transactions_idempotency_key", () -> batch(connection, prefix, -9, 291));
                if (!autocommit) {
                    connection.rollback();
                }
                equal(number(connection, FOUND, prefix + "%"), 300L);
            }
        }
    }

    static void generatedKeys() throws SQLException {
        try (Connection connection = connect("")) {
            // The driver appends RETURNING *.
            try (PreparedStatement post = connection.prepareStatement(POST, Statement.RETURN_GENERATED_KEYS)) {
                post.setString(1, "keys-all");
                post.setLong(2, 5);
                equal(post.executeUpdate(), 1);
                try (ResultSet keys = post.getGeneratedKeys()) {
                    check(keys.next(), "a row");
                    equal(keys.getString("idempotency_key"), "keys-all");
                    equal(keys.getBigDecimal("amount"), new BigDecimal(5));
                    check(keys.getLong("seq") > 0, "seq");
                    check(!keys.next(), "one row");
                }
            }
            String opening = "INSERT INTO accounts (book, path, asset, kind) VALUES ('shop', 'keys', 'USD', 'asset')";
            try (Statement statement = connection.createStatement()) {
                equal(statement.executeUpdate(opening, Statement.RETURN_GENERATED_KEYS), 1);
                try (ResultSet keys = statement.getGeneratedKeys()) {
                    check(keys.next() && keys.getString("path").equals("keys"), "the account");
                }
            }
            // Or RETURNING with the names that it is given, quoted.
            try (PreparedStatement post = connection.prepareStatement(POST, new String[] {"tx_id", "seq"})) {
                post.setString(1, "keys-named");
                post.setLong(2, 5);
                equal(post.executeUpdate(), 1);
                try (ResultSet keys = post.getGeneratedKeys()) {
                    check(keys.next(), "a row");
                    equal(keys.getMetaData().getColumnCount(), 2);
                    check(keys.getObject(1) instanceof UUID && keys.getLong(2) > 0, "tx_id and seq");
                }
            }
        }
    }

    // Where rows of RETURNING have a length that the driver knows, they share a Sync; where not, it
    // sends a Sync behind each.
    static void generatedKeysOfBatch() throws SQLException {
        try (Connection connection = connect("")) {
            for (boolean autocommit : new boolean[] {true, false}) {
                connection.setAutoCommit(autocommit);
                String prefix = autocommit ? "keys-auto-" : "keys-block-";
                try (PreparedStatement post = connection.prepareStatement(POST, new String[] {"tx_id", "seq"})) {
                    checkKeys(connection, post, prefix + "named-");
                }
                equal(number(connection, FRAMES, prefix + "named-%"), 1L);
                try (PreparedStatement post = connection.prepareStatement(POST, Statement.RETURN_GENERATED_KEYS)) {
                    checkKeys(connection, post, prefix + "all-");
                }
                equal(number(connection, FRAMES, prefix + "all-%"), autocommit ? 20L : 1L);
            }
        }
    }

    static void checkKeys(Connection connection, PreparedStatement post, String prefix) throws SQLException {
        add(post, prefix, 0, 20);
        equal(ones(post.executeBatch()), 20);
        boolean committed = connection.getAutoCommit();
        try (ResultSet keys = post.getGeneratedKeys()) {
            for (int n = 0; n < 20; n++) {
                check(keys.next(), "row " + n);
                equal(keys.getObject("tx_id", UUID.class).version(), 7);
                equal(keys.getObject("seq") != null, committed);
            }
            check(!keys.next(), "20 rows");
        }
        if (!committed) {
            connection.commit();
        }
        equal(number(connection, FOUND, prefix + "%"), 20L);
    }

    static void types() throws SQLException {
        String insert = "INSERT INTO transfers (book, idempotency_key, tx_id, debit_account,"
            + " credit_account, amount, occurred_at, metadata) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            + " RETURNING tx_id, seq, amount, occurred_at, committed_at, metadata, deduplicated";
        OffsetDateTime occurredAt = OffsetDateTime.parse("1993-01-02T03:04:05.678901Z");
        // The driver asks for binary from the second execution on, or by default from the fifth on.
        for (String options : new String[] {"prepareThreshold=1", "prepareThreshold=5"}) {
            try (Connection connection = connect(options);
                    PreparedStatement post = connection.prepareStatement(insert)) {
                BigDecimal most = new BigDecimal("9".repeat(30));
                for (int n = 0; n < 8; n++) {
                    UUID txId = UUID.fromString("018f2b6e-0000-7000-8000-" + String.format("%012x",
                        n + (options.contains("=1") ? 0x100 : 0x200)));
                    String metadata = "{\"n\": " + n + ", \"text\": \"\u00fa\u010det 'quoted'\"}";
                    BigDecimal amount = n % 2 == 0 ? most : new BigDecimal(n + ".00");
                    post.setString(1, "shop");
                    post.setString(2, "types-" + txId);
                    post.setObject(3, txId);
                    post.setString(4, n % 2 == 0 ? "cash" : "sales");
                    post.setString(5, n % 2 == 0 ? "sales" : "cash");
                    post.setBigDecimal(6, amount);
                    post.setObject(7, occurredAt);
                    post.setObject(8, metadata, Types.OTHER);
                    try (ResultSet row = post.executeQuery()) {
                        check(row.next(), "a row");
                        equal(row.getObject("tx_id"), txId);
                        check(row.getLong("seq") > 0, "seq");
                        equal(row.getBigDecimal("amount").compareTo(amount), 0);
                        equal(row.getObject("occurred_at", OffsetDateTime.class).toInstant(), occurredAt.toInstant());
                        check(row.getTimestamp("committed_at") != null, "committed_at");
                        equal(row.getString("metadata"), metadata);
                        equal(row.getBoolean("deduplicated"), false);
                    }
                }
                check(post.unwrap(PGStatement.class).isUseServerPrepare(), "prepared on the server");
            }
        }
    }

    static void errors() throws SQLException {
        try (Connection connection = connect("")) {
            post(connection, "errors", 5);
            SQLException conflict = refused(
                "23505", "transactions_idempotency_key", () -> post(connection, "errors", 6));
            String detail = ((PSQLException) conflict).getServerErrorMessage().getDetail();
            check(detail.contains("postings"), detail);
            refused("23514", "accounts_min_balance", () -> transfer(connection, "wallet", "sales"));
            refused("22003", null, () -> {
                try (PreparedStatement post = connection.prepareStatement(POST)) {
                    post.setString(1, "fraction");
                    post.setBigDecimal(2, new BigDecimal("5.01"));
                    post.executeUpdate();
                }
            });
            refused("42804", null, () -> {
                try (PreparedStatement post = connection.prepareStatement(POST)) {
                    post.setString(1, "float");
                    post.setDouble(2, 5);
                    post.executeUpdate();
                }
            });
            refused("0A000", null, () -> run(connection, "DELETE FROM transactions"));
            refused("42601", null, () -> run(connection, "INSERT INTO"));
        }
    }

    static void copy() throws Exception {
        String into = "COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN";
        try (Connection connection = connect("")) {
            CopyManager copies = connection.unwrap(PGConnection.class).getCopyAPI();
            StringBuilder text = new StringBuilder();
            StringBuilder csv = new StringBuilder("book,key,from,to,amount\r\n");
            for (int n = 0; n < 5000; n++) {
                text.append("shop\tcopy-text-" + n + "\tcash\tsales\t" + (n + 1) + "\n");
                csv.append("shop,\"copy-csv-" + n + "\",cash,sales," + (n + 1) + "\r\n");
            }
            equal(copies.copyIn(into, new StringReader(text.toString())), 5000L);
            byte[] bytes = csv.toString().getBytes(StandardCharsets.UTF_8);
            equal(copies.copyIn(into + " WITH (FORMAT csv, HEADER)", new ByteArrayInputStream(bytes)), 5000L);
            equal(number(connection, FOUND, "copy-%"), 10000L);
            equal(number(connection, FRAMES, "copy-%"), 2L);

            String bad = "shop\tcopied-1\tcash\tsales\t1\nshop\tcopied-2\tcash\tnobody\t1\n";
            SQLException error = refused(
                "23503", "postings_account_fkey", () -> copies.copyIn(into, new StringReader(bad)));
            String where = ((PSQLException) error).getServerErrorMessage().getWhere();
            check(where != null && where.contains("line 2"), where);
            equal(number(connection, FOUND, "copied-%"), 0L);

            connection.setAutoCommit(false);
            post(connection, "copied-0", 5);
            String good = "shop\tcopied-1\tcash\tsales\t1\nshop\tcopied-2\tcash\tsales\t1\n";
            equal(copies.copyIn(into, new StringReader(good)), 2L);
            equal(number(connection, FOUND, "copied-%"), 3L);
            connection.rollback();
            equal(number(connection, FOUND, "copied-%"), 0L);
        }
    }

    static void copyInPieces() throws Exception {
        String into = "COPY transfers (book, idempotency_key, debit_account, credit_account, amount)"
            + " FROM STDIN WITH (FORMAT csv, commit_every 1000)";
        try (Connection connection = connect("")) {
            CopyManager copies = connection.unwrap(PGConnection.class).getCopyAPI();
            StringBuilder csv = new StringBuilder();
            for (int n = 0; n < 5000; n++) {
                csv.append("shop,pieces-" + n + ",cash,sales," + (n + 1) + "\n");
            }
            // A second time it finds what is there.
            equal(copies.copyIn(into, new StringReader(csv.toString())), 5000L);
            equal(copies.copyIn(into, new StringReader(csv.toString())), 5000L);
            equal(number(connection, FOUND, "pieces-%"), 5000L);
            equal(number(connection, FRAMES, "pieces-%"), 5L);

            String bad = csv.toString().replace("pieces", "broken").replace("broken-3210,cash", "broken-3210,nobody");
            SQLException error = refused(
                "23503", "postings_account_fkey", () -> copies.copyIn(into, new StringReader(bad)));
            check(((PSQLException) error).getServerErrorMessage().toString().contains("3000"), error.toString());
            equal(number(connection, FOUND, "broken-%"), 3000L);

            connection.setAutoCommit(false);
            refused("25001", null, () -> {
                number(connection, "SELECT 1");
                copies.copyIn(into, new StringReader("shop,pieces-x,cash,sales,1\n"));
            });
            connection.rollback();
        }
    }

    static void assembled() throws SQLException {
        try (Connection connection = connect("")) {
            connection.setAutoCommit(false);
            assemble(connection, "orm-1", 700, 700);
            assemble(connection, "orm-2", 800, 800);
            equal(number(connection, "SELECT count(*) FROM postings p JOIN transactions t USING (tx_id)"
                + " WHERE t.book = 'shop' AND t.idempotency_key LIKE 'orm-%'"), 4L);
            connection.commit();
            equal(number(connection, FRAMES, "orm-%"), 1L);
            connection.rollback();
            // What does not balance is refused by COMMIT, and leaves nothing.
            assemble(connection, "orm-3", 700, 700);
            assemble(connection, "orm-4", 700, 701);
            refused("23514", "transactions_balanced", connection::commit);
            connection.rollback();
            equal(number(connection, FOUND, "orm-%"), 2L);
        }
    }

    static void assemble(Connection connection, String key, long debit, long credit) throws SQLException {
        UUID txId;
        try (PreparedStatement begin = connection.prepareStatement(
                "INSERT INTO transactions (book, idempotency_key, occurred_at) VALUES (?, ?, ?) RETURNING tx_id")) {
            begin.setString(1, "shop");
            begin.setString(2, key);
            begin.setObject(3, OffsetDateTime.parse("2024-02-29T12:00:00+01:00"));
            try (ResultSet row = begin.executeQuery()) {
                check(row.next(), "a row");
                txId = row.getObject(1, UUID.class);
            }
        }
        try (PreparedStatement posting = connection.prepareStatement(
                "INSERT INTO postings (tx_id, account, amount, direction) VALUES (?, ?, ?, ?)")) {
            for (boolean isDebit : new boolean[] {true, false}) {
                posting.setObject(1, txId);
                posting.setString(2, isDebit ? "cash" : "sales");
                posting.setLong(3, isDebit ? debit : credit);
                posting.setString(4, isDebit ? "debit" : "credit");
                posting.addBatch();
            }
            equal(ones(posting.executeBatch()), 2);
        }
    }

    static void onConflict() throws SQLException {
        try (Connection connection = connect("");
                PreparedStatement any = connection.prepareStatement(POST + " ON CONFLICT DO NOTHING");
                PreparedStatement key = connection.prepareStatement(
                    POST + " ON CONFLICT (book, idempotency_key) DO NOTHING")) {
            for (PreparedStatement post : new PreparedStatement[] {any, key}) {
                String name = post == any ? "skip-any-" : "skip-key-";
                post.setString(1, name + 1);
                post.setInt(2, 5);
                equal(post.executeUpdate(), 1);
                equal(post.executeUpdate(), 0);
                post.setInt(2, 6);
                equal(post.executeUpdate(), 0);
                add(post, name, 0, 4);
                equal(Arrays.toString(post.executeBatch()), "[1, 0, 1, 1]");
                equal(number(connection, FOUND, name + "%"), 4L);
            }
        }
    }

    static void accountChanges() throws SQLException {
        try (Connection connection = connect("")) {
            run(connection, "INSERT INTO accounts (book, path, asset, kind) VALUES"
                + " ('shop', 'change:a', 'USD', 'asset'), ('shop', 'change:b', 'USD', 'asset')");
            try (PreparedStatement change = connection.prepareStatement(
                    "UPDATE accounts SET min_balance = ?, metadata = ?::jsonb WHERE book = ? AND path IN (?, ?)")) {
                change.setBigDecimal(1, new BigDecimal(-500));
                change.setString(2, "{\"owner\": \"tester\"}");
                change.setString(3, "shop");
                change.setString(4, "change:a");
                change.setString(5, "change:b");
                equal(change.executeUpdate(), 2);
                change.setString(4, "change:none");
                change.setString(5, "change:nor");
                equal(change.executeUpdate(), 0);
            }
            connection.setAutoCommit(false);
            run(connection, "UPDATE accounts SET closed = true WHERE book = 'shop' AND path = 'change:a'");
            refused("55000", null, () -> transfer(connection, "change:a", "cash"));
            connection.rollback();
            equal(number(connection, "SELECT count(*) FROM accounts WHERE book = 'shop' AND path LIKE 'change:%'"
                + " AND min_balance = -500 AND metadata ->> 'owner' = 'tester' AND NOT closed"), 2L);
        }
    }

    // With a fetch size the driver reads a portal in portions, other statements between them.
    static void portions() throws SQLException {
        try (Connection connection = connect("")) {
            connection.setAutoCommit(false);
            batch(connection, "portions-", 0, 100);
            try (PreparedStatement select = connection.prepareStatement(
                    "SELECT idempotency_key, seq FROM transfers WHERE book = 'shop'"
                        + " AND idempotency_key LIKE 'portions-%' ORDER BY amount")) {
                select.setFetchSize(7);
                try (ResultSet rows = select.executeQuery()) {
                    for (int n = 0; n < 100; n++) {
                        check(rows.next(), "row " + n);
                        equal(rows.getString(1), "portions-" + n);
                        equal(rows.getObject(2), null);
                        if (n == 50) {
                            post(connection, "portions-later", 5);
                        }
                    }
                    check(!rows.next(), "100 rows: those of the time it began");
                }
            }
            connection.commit();
            equal(number(connection, FOUND, "portions-%"), 101L);
        }
    }

    static Connection connect(String options) throws SQLException {
        String url = "jdbc:postgresql://127.0.0.1:" + port + "/tallybook?user=tester&" + options;
        return DriverManager.getConnection(url);
    }

    static void post(Connection connection, String key, long amount) throws SQLException {
        try (PreparedStatement post = connection.prepareStatement(POST)) {
            post.setString(1, key);
            post.setLong(2, amount);
            equal(post.executeUpdate(), 1);
        }
    }

    static void transfer(Connection connection, String debit, String credit) throws SQLException {
        run(connection, "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)"
            + " VALUES ('shop', 'transfer', '" + debit + "', '" + credit + "', 5)");
    }

    static int[] batch(Connection connection, String prefix, int from, int to) throws SQLException {
        try (PreparedStatement post = connection.prepareStatement(POST)) {
            add(post, prefix, from, to);
            return post.executeBatch();
        }
    }

    // Posts numbered `from` up to `to`, each of an amount of its own.
    static void add(PreparedStatement post, String prefix, int from, int to) throws SQLException {
        for (int n = from; n < to; n++) {
            post.setString(1, prefix + Math.max(n, 0));
            post.setLong(2, n + 10);
            post.addBatch();
        }
    }

    static int ones(int[] counts) {
        return (int) Arrays.stream(counts).filter(count -> count == 1).count();
    }

    static void run(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.executeUpdate(sql);
        }
    }

    static long number(Connection connection, String query, String... parameters) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(query)) {
            for (int n = 0; n < parameters.length; n++) {
                select.setString(n + 1, parameters[n]);
            }
            try (ResultSet row = select.executeQuery()) {
                check(row.next(), "a row");
                return row.getLong(1);
            }
        }
    }

    static SQLException refused(String sqlState, String constraint, Step step) {
        try {
            step.run();
        } catch (SQLException error) {
            equal(error.getSQLState() + " " + error.getMessage(), sqlState, error.getSQLState());
            SQLException told = error instanceof BatchUpdateException ? error.getNextException() : error;
            if (constraint != null) {
                equal(((PSQLException) told).getServerErrorMessage().getConstraint(), constraint);
            }
            return error;
        } catch (Exception error) {
            throw new AssertionError(error);
        }
        throw new AssertionError("not refused with " + sqlState);
    }

    static void equal(Object found, Object expected) {
        equal(String.valueOf(found), expected, found);
    }

    static void equal(String said, Object expected, Object found) {
        check(Objects.equals(found, expected), "expected " + expected + ", found " + said);
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
