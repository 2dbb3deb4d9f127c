// SPDX-License-Identifier: Apache-2.0
// One row of the client matrix, by MariaDB's Java driver, names cached for ever; see
// test/clients/node/any.mjs:
//
//   java -cp mariadb-java-client.jar Any.java WRITER READER CA
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

public class Any {
	private static final Map<String, Connection> open = new HashMap<>();
	private static String[] words;

	private static Connection connect(String verb) throws SQLException {
		String tls = verb.equals("t") ? "&useSsl=true&serverSslCert=" + words[2] :
			verb.equals("e") ? "&useSsl=true&trustServerCertificate=true" : "";
		return DriverManager.getConnection("jdbc:mariadb://" + words[verb.equals("r") ? 1 : 0] +
			":3306/app?user=app&password=app" + tls);
	}

	private static String quote(String text) {
		return text == null ? "null" : "\"" + text.replaceAll("[\"\\\\\\p{Cntrl}]", " ") + "\"";
	}

	/** The first value, if the statement has one. */
	private static String run(String verb, String sql) throws SQLException {
		String key = verb.equals("h") ? "w" : verb;
		try {
			if (!open.containsKey(key))
				open.put(key, connect(verb));
			try (Statement statement = open.get(key).createStatement()) {
				if (!statement.execute(sql))
					return null;
				ResultSet rows = statement.getResultSet();
				return rows.next() ? rows.getString(1) : null;
			}
		} catch (SQLException error) {
			Connection one = open.get(key);
			if (one != null && !one.isValid(1)) {
				one.close();
				open.remove(key);
			}
			throw error;
		}
	}

	private static String answer(String[] parts) throws SQLException {
		List<String> errors = new ArrayList<>();
		String value = null;
		int ok = 0;
		if (parts[0].equals("x")) {
			for (Connection one : open.values())
				one.close();
			open.clear();
			parts[1] = "0";
		}
		for (int i = 0; i < Integer.parseInt(parts[1]); i++) {
			try {
				value = run(parts[0], parts[2]);
				ok++;
			} catch (SQLException error) {
				errors.add(quote(error.getErrorCode() + " " + error.getSQLState() + " " +
					error.getMessage()));
			}
		}
		return "{\"ok\": " + ok + ", \"errors\": [" + String.join(", ", errors) + "], \"value\": " +
			quote(value) + "}";
	}

	public static void main(String[] arguments) throws Exception {
		java.security.Security.setProperty("networkaddress.cache.ttl", "-1");
		words = arguments;
		BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
		for (String line; (line = input.readLine()) != null;) {
			System.out.println(answer(line.split(" ", 3)));
			System.out.flush();
		}
	}
}
