//! tokio as it is meant: a task per connection on the runtime of one thread, and the codec of tokio-util for the frames.

use std::io;

use futures_util::{StreamExt, TryStreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::codec::LengthDelimitedCodec;

const MAX_PAYLOAD: usize = 16 << 20;

async fn serve(mut connection: TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut codec = LengthDelimitedCodec::builder();
    codec
        .little_endian()
        .length_field_length(4)
        .max_frame_length(MAX_PAYLOAD);
    let (reader, writer) = connection.split();
    // forward() feeds the sink, and flushes it when the stream has no more frames for the moment.
    codec
        .new_read(reader)
        .map_ok(|mut frame| {
            frame.make_ascii_uppercase();
            frame.freeze()
        })
        .forward(codec.new_write(writer))
        .await
}

fn raise_descriptor_limit() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // Both calls touch nothing but `limit`.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    raise_descriptor_limit();
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    let listener = socket.listen(4096)?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (connection, _) = listener.accept().await?;
        tokio::spawn(serve(connection)); // what ends one connection is no news
    }
}
