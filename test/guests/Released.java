// SPDX-License-Identifier: Apache-2.0
// What released.c does, with a Selector: `Released NAME PORT WRITER`, rounds on stdin.
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;

public class Released {
	static int connected, wrong, errors, again, refused, left;
	static long first, last;
	static String error = "0";

	static List<SocketChannel> begin(Selector selector, InetSocketAddress to, int n) {
		List<SocketChannel> all = new ArrayList<>();
		connected = wrong = errors = again = refused = left = 0;
		first = last = 0;
		for (int i = 0; i < n; i++) {
			try {
				SocketChannel channel = SocketChannel.open();
				channel.configureBlocking(false);
				all.add(channel);
				if (channel.connect(to))
					throw new IOException("connected at once");
				channel.register(selector, SelectionKey.OP_CONNECT);
				left++;
			} catch (IOException e) {
				refused++;
				error = e.getMessage();
			}
		}
		return all;
	}

	static void judge(SelectionKey key) {
		last = System.nanoTime();
		first = first == 0 ? last : first;
		try {
			SocketChannel channel = (SocketChannel) key.channel();
			if (!channel.finishConnect()) {
				again++;
				return;
			}
			channel.write(ByteBuffer.wrap(new byte[] {'x'}));
			connected++;
		} catch (IOException e) {
			errors++;
			error = e.getMessage();
		}
		key.cancel();
		left--;
	}

	static void lookWho(SocketChannel channel, String writer) {
		try {
			if (!channel.isConnected())
				return;
			channel.configureBlocking(true);
			ByteBuffer text = ByteBuffer.allocate(64);
			channel.read(text);
			if (!new String(text.array(), 0, text.position()).trim().equals(writer))
				wrong++;
		} catch (IOException e) {
			wrong++;
		}
	}

	public static void main(String[] words) throws Exception {
		InetSocketAddress to = new InetSocketAddress(words[0], Integer.parseInt(words[1]));
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
		for (String line; (line = in.readLine()) != null;) {
			String[] round = line.split(" ");
			Selector selector = Selector.open();
			List<SocketChannel> all = begin(selector, to, Integer.parseInt(round[0]));
			long until = System.nanoTime() + Long.parseLong(round[1]) * 1000000;
			System.out.println("begun");
			while (left > 0 && System.nanoTime() < until)
				selector.select(Released::judge, 100);
			selector.close();
			for (SocketChannel channel : all) {
				lookWho(channel, words[2]);
				if (channel.isOpen())
					channel.setOption(StandardSocketOptions.SO_LINGER, 0);
				channel.close();
			}
			System.out.println("connected " + connected + " wrong " + wrong + " errors " + errors
				+ " again " + again + " hung 0 silent " + left + " refused " + refused
				+ " us " + (last - first) / 1000 + " held 0 errno " + error.replace(' ', '_'));
		}
	}
}
