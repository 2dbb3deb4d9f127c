// SPDX-License-Identifier: Apache-2.0
// As test/clients/c/writer.c, by HikariCP and what test/clients/java/pom.xml names:
//
//   java -cp ... Pool URL NUMBER MILLISECONDS WIDTH
//
// WIDTH loops write side by side, by one pool of four; an error ends with the moment at which its
// statement was begun.
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.atomic.AtomicLong;

public class Pool {
	private static final long OFFSET =
		Long.parseLong(System.getenv().getOrDefault("BOOT_MINUS_MONOTONIC_NS", "0"));
	private static final AtomicLong last = new AtomicLong();
	private static HikariDataSource pool;

	// System.nanoTime() is CLOCK_MONOTONIC on Linux.
	private static long now() {
		return System.nanoTime() + OFFSET;
	}

	private static synchronized void tell(String text) {
		System.out.println(now() + " " + text);
		System.out.flush();
	}

	private static void insert(String number, long n) throws SQLException {
		try (Connection one = pool.getConnection(); Statement statement = one.createStatement()) {
			statement.executeUpdate("INSERT INTO journal (writer, n) VALUES (" + number + ", " + n + ")");
		}
	}

	private static void write(String number, long pause) {
		tell("ok 0");
		for (;;) {
			long n = last.incrementAndGet(), begun = now();
			try {
				insert(number, n);
				tell("ok " + n);
			} catch (SQLException error) {
				tell("error " + n + " " + error.getErrorCode() + " " + error.getSQLState() + " " +
				     String.valueOf(error.getMessage()).replaceAll("\\s+", " ") + " @" + begun);
			}
			try {
				Thread.sleep(pause);
			} catch (InterruptedException error) {
				return;
			}
		}
	}

	public static void main(String[] words) throws Exception {
		HikariConfig config = new HikariConfig();
		config.setJdbcUrl(words[0]);
		config.setUsername("app");
		config.setPassword("app");
		config.setMaximumPoolSize(4);
		if (words[0].contains("aws-wrapper")) // as its documents want it
			config.setExceptionOverrideClassName("software.amazon.jdbc.util.HikariCPSQLException");
		pool = new HikariDataSource(config);
		for (int i = 0; i < Integer.parseInt(words[3]); i++) {
			Thread loop = new Thread(() -> write(words[1], Long.parseLong(words[2])));
			loop.setDaemon(true);
			loop.start();
		}
		while (System.in.read() >= 0)
			continue;
		System.exit(0);
	}
}
