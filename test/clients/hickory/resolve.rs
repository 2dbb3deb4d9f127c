// SPDX-License-Identifier: Apache-2.0
// Asks for the name by hickory, connects to the address that it finds, and says by what it was greeted:
//
//   resolve HOST PORT      prints ADDRESS PEER BYTES
use hickory_resolver::TokioResolver;
use std::env::args;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (host, port) = (args().nth(1).ok_or("no host")?, args().nth(2).ok_or("no port")?);
    let resolver = TokioResolver::builder_tokio()?.build();
    let found = resolver.ipv4_lookup(host).await?;
    let address = found.iter().next().ok_or("no address")?.to_string();
    let mut stream = TcpStream::connect(format!("{address}:{port}")).await?;
    let n = stream.read(&mut [0u8; 100]).await?;
    println!("{address} {} {n}", stream.peer_addr()?.ip());
    Ok(())
}
