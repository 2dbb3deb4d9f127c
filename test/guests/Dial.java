// SPDX-License-Identifier: Apache-2.0
// A Java guest: connects to PORT of HOST, which it asks for twice (it caches), prints the greeting.
import java.net.InetAddress;
import java.net.Socket;

public class Dial {
	public static void main(String[] words) throws Exception {
		InetAddress first = InetAddress.getByName(words[1]);
		if (!first.equals(InetAddress.getByName(words[1])))
			System.exit(1);
		try (Socket s = new Socket(words[1], Integer.parseInt(words[0]))) {
			System.out.println(new String(s.getInputStream().readNBytes(5)));
		}
	}
}
