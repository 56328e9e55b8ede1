//! tokio over UDP: one task on the runtime of one thread, a datagram at a time.

use std::io;

use tokio::net::UdpSocket;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).await?;
    println!("{}", socket.local_addr()?.port());
    let mut buffer = vec![0; 65536];
    loop {
        if let Ok((size, sender)) = socket.recv_from(&mut buffer).await {
            buffer[..size].make_ascii_uppercase();
            // What the kernel refuses is dropped.
            let _ = socket.send_to(&buffer[..size], sender).await;
        }
    }
}
