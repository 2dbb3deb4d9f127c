// SPDX-License-Identifier: Apache-2.0
//! A Rust guest: looks localhost up from four threads, dials a port (PORT [HOST]), prints what it is greeted with.
use std::io::Read;
use std::net::{TcpStream, ToSocketAddrs};

fn greet(host: &str, port: u16) -> std::io::Result<String> {
    let found = ("localhost", port).to_socket_addrs()?.any(|a| a.is_ipv4());
    let mut text = [0u8; 5];
    TcpStream::connect((host, port))?.read_exact(&mut text)?;
    Ok(format!("{} {}", found, String::from_utf8_lossy(&text)))
}

fn main() {
    let port: u16 = std::env::args().nth(1).unwrap().parse().unwrap();
    let host = std::env::args().nth(2).unwrap_or("127.0.0.1".to_string());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let host = host.clone();
            std::thread::spawn(move || greet(&host, port))
        })
        .collect();
    for t in threads {
        println!("{:?}", t.join().unwrap().unwrap());
    }
    println!("{}", ("no-such-host.invalid", port).to_socket_addrs().is_err());
}
