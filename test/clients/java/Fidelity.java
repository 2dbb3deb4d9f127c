// SPDX-License-Identifier: Apache-2.0
// MariaDB's Java driver in its Aurora mode, unmodified: says what it takes the cluster for, then
// writes until its input ends.  One JSON line per thing that happens.
//
//   java -cp mariadb-java-client.jar Fidelity.java HOST PORT
import java.lang.reflect.Field;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.stream.Collectors;
import org.mariadb.jdbc.HostAddress;
import org.mariadb.jdbc.MariaDbConnection;
import org.mariadb.jdbc.internal.failover.FailoverProxy;
import org.mariadb.jdbc.internal.failover.impl.MastersReplicasListener;

public class Fidelity {
	private static String url;
	private static volatile boolean ending;

	private static void say(String line) {
		System.out.println(line);
		System.out.flush();
	}

	private static String text(Exception error) {
		return String.valueOf(error.getMessage()).replaceAll("[\"\\\\\\p{Cntrl}]", " ");
	}

	private static Connection connect() throws InterruptedException {
		while (true) {
			try {
				return DriverManager.getConnection(url);
			} catch (SQLException error) {
				say("{\"error\": \"connect\", \"text\": \"" + text(error) + "\"}");
				Thread.sleep(100);
			}
		}
	}

	/** What a statement answers in its first column. */
	private static String ask(Connection connection, String question) throws SQLException {
		try (Statement statement = connection.createStatement();
		     ResultSet rows = statement.executeQuery(question)) {
			rows.next();
			return rows.getString(1);
		}
	}

	/** The instances that the driver has found behind the cluster's name. */
	private static List<HostAddress> found(Connection connection) throws Exception {
		Field field = MariaDbConnection.class.getDeclaredField("protocol");
		field.setAccessible(true);
		FailoverProxy proxy = (FailoverProxy) Proxy.getInvocationHandler(field.get(connection));
		Field addresses = MastersReplicasListener.class.getDeclaredField("hostAddresses");
		addresses.setAccessible(true);
		@SuppressWarnings("unchecked")
		List<HostAddress> hosts = (List<HostAddress>) addresses.get(proxy.getListener());
		say("{\"listener\": \"" + proxy.getListener().getClass().getSimpleName() + "\", \"hosts\": " +
		    hosts.stream().map(a -> "\"" + a.host + "\"").collect(Collectors.joining(", ", "[", "]")) +
		    "}");
		return hosts;
	}

	/** Where the driver goes for reads and for writes, which is all that it tells of roles. */
	private static void roles(Connection connection) throws SQLException {
		connection.setReadOnly(true);
		String reader = ask(connection, "SELECT @@aurora_server_id");
		connection.setReadOnly(false);
		String writer = ask(connection, "SELECT @@aurora_server_id");
		say("{\"reader\": \"" + reader + "\", \"writer\": \"" + writer + "\"}");
	}

	private static void write(Connection connection, int number) throws SQLException {
		try (Statement statement = connection.createStatement()) {
			statement.executeUpdate("INSERT IGNORE INTO fidelity VALUES ('java', " + number + ")");
		}
		String id = ask(connection, "SELECT @@aurora_server_id");
		say("{\"wrote\": " + number + ", \"id\": \"" + id + "\"}");
	}

	private static void awaitEnd() {
		try {
			while (System.in.read() >= 0)
				continue;
		} catch (java.io.IOException error) {
			say("{\"error\": \"input\"}");
		}
		ending = true;
	}

	public static void main(String[] words) throws Exception {
		String options = "/app?user=app&password=app&connectTimeout=5000&socketTimeout=20000";
		url = "jdbc:mariadb:aurora://" + words[0] + ":" + words[1] + options;
		Thread watcher = new Thread(Fidelity::awaitEnd);
		watcher.setDaemon(true);
		watcher.start();
		Connection connection = connect();
		String hosts = found(connection).stream().map(a -> a.host + ":" + a.port)
			.collect(Collectors.joining(","));
		connection.close();
		url = "jdbc:mariadb:aurora://" + hosts + options;
		connection = connect();
		roles(connection);
		for (int number = 1; !ending;) {
			try {
				write(connection, number);
				number++;
				Thread.sleep(20);
			} catch (SQLException error) {
				say("{\"error\": \"" + error.getSQLState() + "\", \"text\": \"" + text(error) + "\"}");
				if (!connection.isValid(1)) {
					connection.close();
					connection = connect();
				}
			}
		}
		System.exit(0);
	}
}
