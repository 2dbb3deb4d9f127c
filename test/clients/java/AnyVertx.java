// SPDX-License-Identifier: Apache-2.0
// One row of the client matrix, by Vert.x's MySQL client and the resolver that it has by default,
// Netty's:
//
//   java -cp JARS AnyVertx nio|epoll WRITER READER CA
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.internal.VertxInternal;
import io.vertx.mysqlclient.MySQLBuilder;
import io.vertx.mysqlclient.MySQLConnectOptions;
import io.vertx.sqlclient.PoolOptions;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlClient;
import io.vertx.sqlclient.SqlConnection;
import java.util.concurrent.CompletableFuture;

public class AnyVertx extends AnyAsync {
	private final Vertx vertx;

	private AnyVertx(boolean epoll) {
		vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(epoll));
		if (vertx.isNativeTransportEnabled() != epoll)
			throw new IllegalStateException("another transport than was asked for");
	}

	private static Future<String> query(SqlClient client, String sql) {
		return client.query(sql).execute().map(AnyVertx::first);
	}

	private static String first(RowSet<Row> rows) {
		return rows != null && rows.size() > 0 ? rows.iterator().next().getString(0) : null;
	}

	private static class Opened implements Pool {
		private final io.vertx.sqlclient.Pool pool;
		private SqlConnection held;

		Opened(io.vertx.sqlclient.Pool pool) {
			this.pool = pool;
		}

		private static CompletableFuture<String> told(Future<String> future) {
			return future.toCompletionStage().toCompletableFuture();
		}

		public CompletableFuture<String> run(String sql) {
			return told(query(pool, sql));
		}

		private void release() {
			held.close();
			held = null;
		}

		public CompletableFuture<String> hold(String sql) {
			Future<SqlConnection> taken = held != null ? Future.succeededFuture(held) :
				pool.getConnection().onSuccess(one -> held = one);
			return told(taken.compose(one -> query(one, sql)).onComplete(done -> {
				if (held != null && (done.failed() || sql.equals("COMMIT")))
					release();
			}));
		}

		public void close() {
			pool.close();
		}
	}

	protected Pool connect(String host) {
		MySQLConnectOptions account = new MySQLConnectOptions().setHost(host).setPort(3306)
			.setUser("app").setPassword("app").setDatabase("app");
		return new Opened(MySQLBuilder.pool().with(new PoolOptions().setMaxSize(4))
			.connectingTo(account).using(vertx).build());
	}

	protected String address(String host) throws Exception {
		return ((VertxInternal)vertx).nameResolver().resolve(host).toCompletionStage()
			.toCompletableFuture().get().getHostAddress();
	}

	public static void main(String[] words) throws Exception {
		new AnyVertx(words[0].equals("epoll")).serve(words[1], words[2]);
	}
}
