// What a BI tool asks through JDBC's DatabaseMetaData, as plain assertions.
//
// Started by the end-to-end tests with the port of a server that holds the book `shop`.

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.postgresql.util.PGobject;

public final class JdbcMetadata {
    public static void main(String[] arguments) throws Exception {
        String address = "jdbc:postgresql://127.0.0.1:" + arguments[0] + "/tallybook?user=tester";
        // Binary results from the first execution on, and text only.
        for (String options : new String[] {"&prepareThreshold=-1", "&binaryTransfer=false"}) {
            try (Connection connection = DriverManager.getConnection(address + options)) {
                tables(connection.getMetaData());
                columns(connection.getMetaData());
                keys(connection.getMetaData());
                lists(connection.getMetaData());
                results(connection);
                values(connection);
                isolation(connection);
            }
            System.out.println(options + ": fine");
        }
        System.out.println("all fine");
    }

    static void tables(DatabaseMetaData data) throws SQLException {
        List<String> tables = new ArrayList<>();
        try (ResultSet rows = data.getTables(null, "public", "%", new String[] {"TABLE", "VIEW"})) {
            while (rows.next()) {
                tables.add(rows.getString("TABLE_NAME"));
                check(rows.getString("REMARKS") != null, "a comment of " + tables);
            }
        }
        check(tables.contains("accounts") && tables.contains("trial_balance"), tables.toString());
    }

    static void columns(DatabaseMetaData data) throws SQLException {
        List<String> seen = new ArrayList<>();
        try (ResultSet rows = data.getColumns(null, "public", "accounts", "%")) {
            while (rows.next()) {
                seen.add(rows.getString("COLUMN_NAME") + " " + rows.getString("TYPE_NAME") + " "
                    + rows.getString("IS_NULLABLE"));
                check(rows.getString("REMARKS") != null, "a comment of " + seen);
                if (rows.getString("COLUMN_NAME").equals("balance")) {
                    equal(rows.getInt("COLUMN_SIZE"), 38);
                    equal(rows.getInt("DECIMAL_DIGITS"), 0);
                }
            }
        }
        equal(seen.size(), 14);
        equal(seen.get(0), "book text NO");
        equal(seen.get(5), "min_balance numeric YES");
        equal(seen.get(9), "metadata jsonb NO");
    }

    static void keys(DatabaseMetaData data) throws SQLException {
        equal(listed(data.getPrimaryKeys(null, "public", "accounts"), "COLUMN_NAME", "KEY_SEQ", "PK_NAME"),
            List.of("book 1 accounts_pkey", "path 2 accounts_pkey"));
        List<String> indexes = listed(
            data.getIndexInfo(null, "public", "transactions", false, true),
            "INDEX_NAME", "ORDINAL_POSITION", "COLUMN_NAME", "NON_UNIQUE", "ASC_OR_DESC");
        check(indexes.contains("transactions_idempotency_key 2 idempotency_key f A"), indexes.toString());
        equal(listed(data.getBestRowIdentifier(null, "public", "accounts", 0, true), "COLUMN_NAME"),
            List.of("book", "path"));
        equal(listed(data.getImportedKeys(null, "public", "postings"), "FK_NAME"), List.of());
        equal(listed(data.getExportedKeys(null, "public", "accounts"), "FK_NAME"), List.of());
        equal(listed(data.getCrossReference(null, null, "postings", null, null, "accounts"), "FK_NAME"),
            List.of());
    }

    static void lists(DatabaseMetaData data) throws SQLException {
        check(listed(data.getSchemas(), "TABLE_SCHEM").contains("public"), "schemas");
        equal(listed(data.getCatalogs(), "TABLE_CAT"), List.of("tallybook"));
        check(listed(data.getTypeInfo(), "TYPE_NAME").contains("numeric"), "types");
        check(listed(data.getTableTypes(), "TABLE_TYPE").contains("TABLE"), "kinds of tables");
        check(listed(data.getFunctions(null, "pg_catalog", "lower"), "FUNCTION_NAME").contains("lower"),
            "functions");
        check(!listed(data.getFunctionColumns(null, null, "lower", null), "COLUMN_NAME").isEmpty(), "columns");
        equal(listed(data.getProcedures(null, null, "%"), "PROCEDURE_NAME"), List.of());
        equal(listed(data.getUDTs(null, null, "%", null), "TYPE_NAME"), List.of());
        check(!listed(data.getTablePrivileges(null, "public", "accounts"), "PRIVILEGE").isEmpty(), "rights");
        check(data.getSQLKeywords().contains("ilike"), data.getSQLKeywords());
        equal(data.getDatabaseMajorVersion(), 15);
        check(data.getMaxColumnNameLength() > 0, "a length");
    }

    static void results(Connection connection) throws SQLException {
        try (PreparedStatement statement =
                connection.prepareStatement("SELECT balance, metadata, path AS name FROM accounts WHERE book = ?")) {
            statement.setString(1, "shop");
            try (ResultSet rows = statement.executeQuery()) {
                ResultSetMetaData data = rows.getMetaData();
                equal(data.getColumnTypeName(1), "numeric");
                equal(data.getColumnTypeName(2), "jsonb");
                equal(data.getPrecision(1), 38);
                equal(data.getTableName(1), "accounts");
                equal(data.getColumnLabel(3), "name");
                equal(data.isNullable(1), ResultSetMetaData.columnNoNulls);
            }
        }
    }

    static void values(Connection connection) throws SQLException {
        BigDecimal most = new BigDecimal("9".repeat(38));
        PGobject json = new PGobject();
        json.setType("jsonb");
        json.setValue("[1]");
        try (PreparedStatement statement = connection.prepareStatement(
                "SELECT ?::numeric, ?::jsonb, ?::bytea, ?::date, ARRAY[1, NULL, 3]::int4[], NULL::uuid,"
                    + " (SELECT count(*) FROM accounts WHERE path = ANY(?))")) {
            statement.setBigDecimal(1, most);
            statement.setObject(2, json);
            statement.setBytes(3, new byte[] {0, -1});
            statement.setObject(4, java.time.LocalDate.parse("1993-01-02"));
            statement.setArray(5, connection.createArrayOf("text", new String[] {"cash", "sales"}));
            for (int again = 0; again < 2; again++) {
                try (ResultSet row = statement.executeQuery()) {
                    check(row.next(), "a row");
                    equal(row.getBigDecimal(1), most);
                    equal(((PGobject) row.getObject(2)).getValue(), "[1]");
                    check(java.util.Arrays.equals(row.getBytes(3), new byte[] {0, -1}), "bytes");
                    equal(row.getDate(4).toString(), "1993-01-02");
                    equal(((Integer[]) row.getArray(5).getArray())[2], 3);
                    equal(row.getObject(6), null);
                    equal(row.getLong(7), 2L);
                }
            }
        }
    }

    static void isolation(Connection connection) throws SQLException {
        for (int level : new int[] {
            Connection.TRANSACTION_READ_UNCOMMITTED, Connection.TRANSACTION_REPEATABLE_READ,
            Connection.TRANSACTION_SERIALIZABLE, Connection.TRANSACTION_READ_COMMITTED}) {
            connection.setTransactionIsolation(level);
            equal(connection.getTransactionIsolation(), level);
        }
    }

    static List<String> listed(ResultSet rows, String... columns) throws SQLException {
        List<String> seen = new ArrayList<>();
        try (rows) {
            while (rows.next()) {
                List<String> row = new ArrayList<>();
                for (String column : columns) {
                    row.add(rows.getString(column));
                }
                seen.add(String.join(" ", row));
            }
        }
        return seen;
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static void equal(Object got, Object expected) {
        check(Objects.equals(got, expected), got + " instead of " + expected);
    }
}
