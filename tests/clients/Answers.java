// Answers the statements in a file through pgJDBC, each row on a line with bars between values.
//
// Started by the end-to-end tests with the port of a server and the file; statements end with a
// semicolon at the end of a line.

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.util.ArrayList;
import java.util.List;

public final class Answers {
    public static void main(String[] arguments) throws Exception {
        String address = "jdbc:postgresql://127.0.0.1:" + arguments[0]
            + "/tallybook?user=tester&prepareThreshold=-1";
        try (Connection connection = DriverManager.getConnection(address)) {
            for (String statement : Files.readString(Path.of(arguments[1])).split(";\n")) {
                if (!statement.isBlank()) {
                    answer(connection, statement);
                }
            }
        }
    }

    static void answer(Connection connection, String statement) throws Exception {
        try (PreparedStatement prepared = connection.prepareStatement(statement);
                ResultSet rows = prepared.executeQuery()) {
            int columns = rows.getMetaData().getColumnCount();
            while (rows.next()) {
                List<String> row = new ArrayList<>();
                for (int column = 1; column <= columns; column++) {
                    String value = rows.getString(column);
                    row.add(value == null ? "" : value);
                }
                System.out.println(String.join("|", row));
            }
        }
    }
}
