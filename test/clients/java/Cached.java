// SPDX-License-Identifier: Apache-2.0
// A Java program that keeps what it has looked up for ever, and connects to two clusters by name.
//
//   Cached PORT NAME ADDRESSES NAME ADDRESSES     (a cluster's addresses, separated by commas)
//
// Each server greets with its address.  For each line on stdin it tells, in JSON, how many
// connections since the last one reached their own cluster, how many the other, how many failed,
// and by whom it was greeted.
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.security.Security;
import java.util.Set;
import java.util.TreeSet;

public class Cached {
	private static int right, wrong, failed;
	private static Set<String> greeters = new TreeSet<>();

	private static synchronized void count(String greeting, Set<String> own) {
		if (greeting == null) {
			failed++;
			return;
		}
		greeters.add("\"" + greeting + "\"");
		if (own.contains(greeting))
			right++;
		else
			wrong++;
	}

	private static synchronized String tell() {
		String line = "{\"right\": " + right + ", \"wrong\": " + wrong + ", \"failed\": " + failed +
			", \"greeters\": " + greeters + "}";
		right = wrong = failed = 0;
		greeters = new TreeSet<>();
		return line;
	}

	private static String dial(String name, int port) {
		try (Socket s = new Socket(name, port)) {
			return new BufferedReader(new InputStreamReader(s.getInputStream())).readLine();
		} catch (IOException error) {
			return null;
		}
	}

	private static void dialForever(String name, int port, Set<String> own) {
		try {
			for (;;) {
				count(dial(name, port), own);
				Thread.sleep(5);
			}
		} catch (InterruptedException error) {
			throw new IllegalStateException(error);
		}
	}

	public static void main(String[] words) throws Exception {
		Security.setProperty("networkaddress.cache.ttl", "-1");
		int port = Integer.parseInt(words[0]);
		for (int i = 1; i < words.length; i += 2) {
			String name = words[i];
			Set<String> own = Set.of(words[i + 1].split(","));
			Thread thread = new Thread(() -> dialForever(name, port, own));
			thread.setDaemon(true);
			thread.start();
		}
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
		while (in.readLine() != null)
			System.out.println(tell());
	}
}
