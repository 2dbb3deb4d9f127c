// SPDX-License-Identifier: Apache-2.0
// What the rows of the client matrix have alike that bring Netty's resolver; see
// test/clients/node/any.mjs for what is asked and answered.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

public abstract class AnyAsync {
	/** A pool of four connections, and of one that BEGIN takes and COMMIT or an error gives back. */
	protected interface Pool {
		/** The first value, or null. */
		CompletableFuture<String> run(String sql);

		CompletableFuture<String> hold(String sql);

		void close();
	}

	private final Map<String, Pool> open = new HashMap<>();

	protected abstract Pool connect(String host);

	/** The address that the client's own resolver finds. */
	protected abstract String address(String host) throws Exception;

	private static String quote(String text) {
		return text == null ? "null" : "\"" + text.replaceAll("[\"\\\\\\p{Cntrl}]", " ") + "\"";
	}

	private static String told(int ok, List<String> errors, String value) {
		return "{\"ok\": " + ok + ", \"errors\": [" + String.join(", ", errors) + "], \"value\": " +
			quote(value) + "}";
	}

	private String run(Pool pool, String verb, int n, String sql) {
		List<CompletableFuture<String>> asked = new ArrayList<>();
		List<String> errors = new ArrayList<>();
		String value = null;
		int ok = 0;
		for (int i = 0; i < n; i++)
			asked.add(verb.equals("h") ? pool.hold(sql) : pool.run(sql));
		for (CompletableFuture<String> one : asked) {
			try {
				value = one.join();
				ok++;
			} catch (CompletionException error) {
				errors.add(quote(String.valueOf(error.getCause())));
			}
		}
		return told(ok, errors, value);
	}

	private String answer(String[] parts, String writer, String reader) throws Exception {
		String key = parts[0].equals("h") ? "w" : parts[0];
		if (key.equals("a"))
			return told(0, List.of(), address(writer));
		if (key.equals("x")) {
			open.values().forEach(Pool::close);
			open.clear();
			return told(0, List.of(), null);
		}
		Pool pool = open.computeIfAbsent(key, k -> connect(k.equals("r") ? reader : writer));
		return run(pool, parts[0], Integer.parseInt(parts[1]), parts[2]);
	}

	protected void serve(String writer, String reader) throws Exception {
		BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
		for (String line; (line = input.readLine()) != null;) {
			System.out.println(answer(line.split(" ", 3), writer, reader));
			System.out.flush();
		}
		System.exit(0);
	}
}
