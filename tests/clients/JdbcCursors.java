// Fetching in pieces and copying out through pgJDBC, as plain assertions.
//
// Started by the end-to-end tests with the port of a server that holds the book `shop`.

import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Objects;
import org.postgresql.PGConnection;

public final class JdbcCursors {
    public static void main(String[] arguments) throws Exception {
        String url = "jdbc:postgresql://127.0.0.1:" + arguments[0] + "/tallybook";
        try (Connection connection = DriverManager.getConnection(url, "tester", "")) {
            connection.setAutoCommit(false);
            fetchSize(connection);
            interleaved(connection);
            afterSavepoint(connection);
            sqlCursor(connection);
            copyOut(connection);
            connection.commit();
        }
        System.out.println("all fine");
    }

    static void fetchSize(Connection connection) throws Exception {
        try (PreparedStatement statement = numbers(connection, 2_500)) {
            statement.setFetchSize(700);
            // Often enough for the driver to name the statement and ask for binary.
            for (int round = 0; round < 7; round++) {
                try (ResultSet rows = statement.executeQuery()) {
                    for (int n = 1; n <= 2_500; n++) {
                        same(true, rows.next());
                        same(n, rows.getInt(1));
                    }
                    same(false, rows.next());
                }
            }
        }
    }

    static void interleaved(Connection connection) throws Exception {
        try (PreparedStatement one = numbers(connection, 20);
                PreparedStatement other = numbers(connection, 30)) {
            one.setFetchSize(3);
            other.setFetchSize(4);
            try (ResultSet ones = one.executeQuery(); ResultSet others = other.executeQuery()) {
                for (int n = 1; n <= 20; n++) {
                    same(true, ones.next() && others.next());
                    same(n, ones.getInt(1));
                    same(n, others.getInt(1));
                }
                same(false, ones.next());
                same(true, others.next());
            }
        }
    }

    static void afterSavepoint(Connection connection) throws Exception {
        try (PreparedStatement statement = numbers(connection, 20)) {
            statement.setFetchSize(5);
            try (ResultSet rows = statement.executeQuery()) {
                same(true, rows.next());
                var savepoint = connection.setSavepoint();
                connection.rollback(savepoint);
                for (int n = 2; n <= 20; n++) {
                    same(true, rows.next());
                    same(n, rows.getInt(1));
                }
            }
        }
    }

    static void sqlCursor(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            statement.execute(
                "DECLARE c SCROLL CURSOR FOR SELECT n FROM generate_series(1, 9) AS s(n) ORDER BY n");
            try (ResultSet rows = statement.executeQuery("FETCH LAST FROM c")) {
                same(true, rows.next());
                same(9, rows.getInt(1));
            }
            try (ResultSet rows = statement.executeQuery("FETCH BACKWARD 2 FROM c")) {
                same(true, rows.next());
                same(8, rows.getInt(1));
            }
            statement.execute("CLOSE c");
        }
    }

    static void copyOut(Connection connection) throws Exception {
        StringWriter written = new StringWriter();
        long rows = connection.unwrap(PGConnection.class).getCopyAPI().copyOut(
            "COPY (SELECT n, NULL AS x FROM generate_series(1, 3) AS s(n) ORDER BY n) TO STDOUT CSV HEADER",
            written);
        same(3L, rows);
        same("n,x\n1,\n2,\n3,\n", written.toString());
    }

    static PreparedStatement numbers(Connection connection, int count) throws Exception {
        PreparedStatement statement = connection.prepareStatement(
            "SELECT n FROM generate_series(1, 5000) AS s(n) WHERE n <= ? ORDER BY n");
        statement.setInt(1, count);
        return statement;
    }

    static void same(Object expected, Object found) {
        if (!Objects.equals(expected, found)) {
            throw new AssertionError("expected " + expected + ", found " + found);
        }
    }
}
