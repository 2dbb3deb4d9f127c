// SPDX-License-Identifier: Apache-2.0
// Amazon's JDBC driver, unmodified, over Connector/J: says in JSON what it takes a cluster for.
//
//   java -cp JARS Dialect.java HOST:PORT USER PASSWORD OPTIONS-OF-THE-URL
import java.lang.reflect.Field;
import java.sql.Connection;
import java.sql.DriverManager;
import java.util.stream.Collectors;
import software.amazon.jdbc.HostSpec;
import software.amazon.jdbc.PluginService;
import software.amazon.jdbc.wrapper.ConnectionWrapper;

public class Dialect {
	private static String text(HostSpec host) {
		return "{\"host\": \"" + host.getHost() + "\", \"role\": \"" +
			host.getRole().name().toLowerCase() + "\"}";
	}

	public static void main(String[] words) throws Exception {
		String url = "jdbc:aws-wrapper:mysql://" + words[0] +
			"/app?connectTimeout=5000&socketTimeout=20000" +
			(words[3].isEmpty() ? "" : "&" + words[3]);
		try (Connection connection = DriverManager.getConnection(url, words[1], words[2])) {
			Field field = ConnectionWrapper.class.getDeclaredField("pluginService");
			field.setAccessible(true);
			PluginService service = (PluginService) field.get(connection);
			service.forceRefreshHostList();
			System.out.println("{\"dialect\": \"" + service.getDialect().getClass().getSimpleName() +
					   "\", \"provider\": \"" +
					   service.getHostListProvider().getClass().getSimpleName() +
					   "\", \"hosts\": " +
					   service.getAllHosts().stream().map(Dialect::text).collect(
						   Collectors.joining(", ", "[", "]")) +
					   "}");
		}
		System.exit(0);
	}
}
