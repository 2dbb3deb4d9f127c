// SPDX-License-Identifier: Apache-2.0
// As test/clients/c/writer.c, by MariaDB's Java driver:
//
//   java -cp mariadb-java-client.jar Writer.java URL NUMBER [MILLISECONDS]
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;

public class Writer {
	private static final long OFFSET =
		Long.parseLong(System.getenv().getOrDefault("BOOT_MINUS_MONOTONIC_NS", "0"));
	private static volatile boolean ending;

	// System.nanoTime() is CLOCK_MONOTONIC on Linux.
	private static void tell(String text) {
		System.out.println((System.nanoTime() + OFFSET) + " " + text);
		System.out.flush();
	}

	private static void awaitEnd() {
		try {
			while (System.in.read() >= 0)
				continue;
		} catch (java.io.IOException error) {
			tell("error 0 input");
		}
		ending = true;
	}

	private static Connection write(Connection connection, String url, String values) throws SQLException {
		if (connection == null)
			connection = DriverManager.getConnection(url);
		try (Statement statement = connection.createStatement()) {
			statement.executeUpdate("INSERT INTO journal (writer, n) VALUES (" + values + ")");
		}
		return connection;
	}

	/** The driver may have failed over by itself; if not, the connection is of no more use. */
	private static Connection keep(Connection connection) throws SQLException {
		if (connection == null || connection.isValid(1))
			return connection;
		connection.close();
		return null;
	}

	public static void main(String[] words) throws Exception {
		String url = words[0];
		long pause = words.length > 2 ? Long.parseLong(words[2]) : 5;
		Thread watcher = new Thread(Writer::awaitEnd);
		watcher.setDaemon(true);
		watcher.start();
		Connection connection = DriverManager.getConnection(url);
		tell("ok 0");
		for (long n = 1; !ending; n++) {
			try {
				connection = write(connection, url, words[1] + ", " + n);
				tell("ok " + n);
			} catch (SQLException error) {
				tell("error " + n + " " + error.getErrorCode() + " " + error.getSQLState() + " " +
				     String.valueOf(error.getMessage()).replaceAll("\\s+", " "));
				connection = keep(connection);
			}
			Thread.sleep(pause);
		}
		System.exit(0);
	}
}
