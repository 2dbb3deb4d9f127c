// SPDX-License-Identifier: Apache-2.0
//! A Rust guest: looks localhost up from four threads, dials a port, prints what it is greeted with.
use std::io::Read;
use std::net::{TcpStream, ToSocketAddrs};

fn greet(port: u16) -> std::io::Result<String> {
    let found = ("localhost", port).to_socket_addrs()?.any(|a| a.is_ipv4());
    let mut text = [0u8; 5];
    TcpStream::connect(("127.0.0.1", port))?.read_exact(&mut text)?;
    Ok(format!("{} {}", found, String::from_utf8_lossy(&text)))
}

fn main() {
    let port: u16 = std::env::args().nth(1).unwrap().parse().unwrap();
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(move || greet(port))).collect();
    for t in threads {
        println!("{:?}", t.join().unwrap().unwrap());
    }
    println!("{}", ("no-such-host.invalid", port).to_socket_addrs().is_err());
}
