// SPDX-License-Identifier: Apache-2.0
// One row of the client matrix, by R2DBC (io.asyncer:r2dbc-mysql, r2dbc-pool) and the resolver that
// reactor-netty has by default, Netty's:
//
//   java -cp JARS AnyR2dbc WRITER READER CA
import io.asyncer.r2dbc.mysql.MySqlConnectionConfiguration;
import io.asyncer.r2dbc.mysql.MySqlConnectionFactory;
import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.spi.Connection;
import io.r2dbc.spi.Result;
import java.net.InetSocketAddress;
import java.util.concurrent.CompletableFuture;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.tcp.TcpClient;

public class AnyR2dbc extends AnyAsync {
	private static Mono<String> query(Connection one, String sql) {
		return Flux.from(one.createStatement(sql).execute())
			.flatMap((Result result) -> result.flatMap(part -> part instanceof Result.RowSegment row ?
				Mono.justOrEmpty(row.row().get(0, String.class)) : failed(part)))
			.cast(String.class).collectList().mapNotNull(all -> all.isEmpty() ? null : all.get(0));
	}

	private static Mono<String> failed(Result.Segment part) {
		return part instanceof Result.Message message ? Mono.error(message.exception()) : Mono.empty();
	}

	private static class Opened implements Pool {
		private final ConnectionPool pool;
		private Connection held;

		Opened(ConnectionPool pool) {
			this.pool = pool;
		}

		public CompletableFuture<String> run(String sql) {
			return Mono.usingWhen(pool.create(), one -> query(one, sql), Connection::close).toFuture();
		}

		private Mono<Void> release() {
			Connection one = held;
			held = null;
			return Mono.from(one.close()).onErrorComplete();
		}

		public CompletableFuture<String> hold(String sql) {
			Mono<Connection> taken = held != null ? Mono.just(held) :
				pool.create().doOnNext(one -> held = one);
			return taken.flatMap(one -> query(one, sql))
				.onErrorResume(error -> held == null ? Mono.error(error) :
					release().then(Mono.error(error)))
				.switchIfEmpty(Mono.defer(() -> sql.equals("COMMIT") ?
					release().then(Mono.empty()) : Mono.empty()))
				.toFuture();
		}

		public void close() {
			pool.dispose();
		}
	}

	protected Pool connect(String host) {
		MySqlConnectionConfiguration account = MySqlConnectionConfiguration.builder().host(host)
			.port(3306).user("app").password("app").database("app").build();
		return new Opened(new ConnectionPool(ConnectionPoolConfiguration
			.builder(MySqlConnectionFactory.from(account)).initialSize(0).maxSize(4)
			.acquireRetry(4).build())); // by default it tells of two dead connections by an error
	}

	/** By a connect of the same library, whose resolver is asked alike. */
	protected String address(String host) {
		InetSocketAddress[] found = new InetSocketAddress[1];
		TcpClient.create().host(host).port(3306)
			.doAfterResolve((connection, address) -> found[0] = (InetSocketAddress)address)
			.connectNow().disposeNow();
		return found[0].getAddress().getHostAddress();
	}

	public static void main(String[] words) throws Exception {
		new AnyR2dbc().serve(words[0], words[1]);
	}
}
