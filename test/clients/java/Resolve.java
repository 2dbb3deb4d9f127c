// SPDX-License-Identifier: Apache-2.0
// As test/clients/c/writer.c, by MariaDB's Java driver and the address that Netty's resolver finds:
//
//   java -cp JARS Resolve.java nio|epoll HOST NUMBER [MILLISECONDS]
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDatagramChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.resolver.dns.DnsNameResolver;
import io.netty.resolver.dns.DnsNameResolverBuilder;
import io.netty.resolver.dns.NoopDnsCache;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;

public class Resolve {
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

	private static DnsNameResolver resolver(boolean epoll) {
		EventLoopGroup group = new MultiThreadIoEventLoopGroup(1,
			epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory());
		Class<? extends DatagramChannel> channel =
			epoll ? EpollDatagramChannel.class : NioDatagramChannel.class;
		return new DnsNameResolverBuilder(group.next()).datagramChannelType(channel)
			.resolveCache(NoopDnsCache.INSTANCE).build();
	}

	private static Connection connect(DnsNameResolver resolver, String host) throws Exception {
		String address = resolver.resolve(host).sync().getNow().getHostAddress();
		return DriverManager.getConnection(
			"jdbc:mariadb://" + address + "/app?user=app&password=app&connectTimeout=10000");
	}

	public static void main(String[] words) throws Exception {
		DnsNameResolver resolver = resolver(words[0].equals("epoll"));
		long pause = words.length > 3 ? Long.parseLong(words[3]) : 5;
		Thread watcher = new Thread(Resolve::awaitEnd);
		watcher.setDaemon(true);
		watcher.start();
		Connection connection = null;
		tell("ok 0 " + resolver.resolve(words[1]).sync().getNow().getHostAddress());
		for (long n = 1; !ending; n++) {
			try {
				if (connection == null)
					connection = connect(resolver, words[1]);
				try (Statement statement = connection.createStatement()) {
					statement.executeUpdate("INSERT INTO journal (writer, n) VALUES (" +
						words[2] + ", " + n + ")");
				}
				tell("ok " + n);
			} catch (SQLException error) {
				tell("error " + n + " " + error.getErrorCode() + " " + error.getSQLState() +
					" " + String.valueOf(error.getMessage()).replaceAll("\\s+", " "));
				if (connection != null)
					connection.close();
				connection = null;
			}
			Thread.sleep(pause);
		}
		System.exit(0);
	}
}
