//! Peers that speak something else, or stop in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::SinkExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use wscli::connection::{
    CloseCode, CloseFrame, Event, Message, OpenError, Role, Socket, SocketConfig, SocketError,
    Transport,
};
use wscli::connection::{HandshakeError, HeadError};

use crate::certs::Leaf;
use crate::peers::{ServerSetup, insecure, open_port, open_url, refusal, serve, upgrade};

/// A server that reads the first bytes of each client and answers these.
async fn blurting(answer: &'static [u8]) -> u16 {
    serve(move |mut stream: TcpStream| async move {
        let mut hello = [0; 16 << 10];
        let _ = stream.read(&mut hello).await;
        let _ = stream.write_all(answer).await;
        let _ = stream.shutdown().await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    })
    .await
}

#[tokio::test]
async fn what_answers_on_a_port_without_tls_is_told() {
    for (answer, message) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"[..],
            "the server answered the TLS handshake in plain HTTP ('HTTP/1.1 400 Bad Request')",
        ),
        (
            b"SSH-2.0-OpenSSH_9.2\r\n",
            "the server's answer to the TLS handshake is no TLS (it begins with 'SSH-2.0-OpenSSH_9.2')",
        ),
        (
            b"",
            "the server closed the connection without an answer to the TLS handshake",
        ),
        // The beginning of a ServerHello.
        (
            b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03",
            "the server closed the connection in the middle of the TLS handshake, after 11 bytes of its part",
        ),
        // The alert protocol_version, as from a server of TLS 1.1.
        (
            b"\x15\x03\x02\x00\x02\x02\x46",
            "the server speaks no version of TLS that was offered (TLS 1.2 to TLS 1.3)",
        ),
    ] {
        let error = refusal(blurting(answer).await, insecure()).await;
        assert_eq!(error.to_string(), message);
    }
}

#[tokio::test]
async fn tls_on_a_port_that_is_spoken_to_in_plain_is_told() {
    let leaf = Leaf::self_signed(&["localhost"], false);
    let port = ServerSetup::new(&leaf).start().await;
    let error = open_url(&format!("ws://localhost:{port}/"), insecure()).await;
    let error = error.unwrap_err();
    assert!(
        matches!(
            *error.cause,
            OpenError::Handshake(HandshakeError::Head(HeadError::Tls))
        ),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "the server answered the opening handshake in TLS; use wss:// in place of ws://"
    );
}

#[tokio::test]
async fn a_server_that_ends_without_close_notify_has_closed_or_is_lost() {
    let leaf = Leaf::self_signed(&["localhost"], false);
    for closes_first in [true, false] {
        let acceptor = TlsAcceptor::from(ServerSetup::new(&leaf).config());
        let port = serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut tls = acceptor.accept(stream).await.unwrap();
                upgrade(&mut tls).await.unwrap();
                if closes_first {
                    tls.write_all(b"\x88\x02\x03\xe8").await.unwrap();
                    // The client's answer must be read, or the end is a reset.
                    let _ = tls.read(&mut [0; 64]).await;
                }
                tls.flush().await.unwrap();
                // FIN, and no alert before it.
                let (mut tcp, _) = tls.into_inner();
                tcp.shutdown().await.unwrap();
                let _ = tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await;
            }
        })
        .await;
        let opened = open_port(port, insecure()).await.unwrap();
        let mut socket = opened.into_socket(&SocketConfig::new(Role::Client)).await;
        match socket.next().await {
            Some(Event::Closed(closed)) if closes_first => {
                assert!(closed.error.is_none(), "{closed:?}");
                assert_eq!(
                    closed.received,
                    Some(CloseFrame::new(CloseCode::NORMAL, ""))
                );
            }
            Some(Event::Closed(closed)) => {
                assert!(
                    matches!(closed.error, Some(SocketError::Lost)),
                    "{closed:?}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Passes everything on, and from the server only as much as `allowed`.
async fn relay(client: TcpStream, port: u16, allowed: Arc<AtomicUsize>) {
    let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut buffer = [0; 64];
    while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
        let left = allowed.load(Ordering::SeqCst);
        let part = count.min(left);
        if to_client.write_all(&buffer[..part]).await.is_err() || part < count {
            break;
        }
        if left != usize::MAX {
            allowed.store(left - part, Ordering::SeqCst);
        }
    }
    let _ = to_client.shutdown().await;
}

#[tokio::test]
async fn a_connection_cut_in_mid_record_is_lost() {
    let leaf = Leaf::self_signed(&["localhost"], false);
    let server = ServerSetup::new(&leaf).start().await;
    let allowed = Arc::new(AtomicUsize::new(usize::MAX));
    let limit = Arc::clone(&allowed);
    let port = serve(move |client| relay(client, server, Arc::clone(&limit))).await;
    let opened = open_port(port, insecure()).await.unwrap();
    let mut socket = opened.into_socket(&SocketConfig::new(Role::Client)).await;
    allowed.store(500, Ordering::SeqCst);
    socket.send(Message::text("x".repeat(5000))).await.unwrap();
    loop {
        match socket.next().await {
            Some(Event::Flushed) => {}
            Some(Event::Closed(closed)) => {
                assert!(
                    matches!(closed.error, Some(SocketError::Lost)),
                    "{closed:?}"
                );
                break;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_connection_cut_in_the_answer_to_the_opening_handshake_is_closed() {
    let leaf = Leaf::self_signed(&["localhost"], false);
    let acceptor = TlsAcceptor::from(ServerSetup::new(&leaf).config());
    let port = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut tls = acceptor.accept(stream).await.unwrap();
            let _ = tls.read(&mut [0; 4096]).await;
            tls.write_all(b"HTTP/1.1 101").await.unwrap();
            tls.flush().await.unwrap();
            let _ = tls.get_mut().0.shutdown().await;
            let _ = tokio::io::copy(&mut tls, &mut tokio::io::sink()).await;
        }
    })
    .await;
    let error = open_port(port, insecure()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server closed the connection after 12 bytes of its answer: \"HTTP/1.1 101\""
    );
}

#[tokio::test]
async fn a_server_role_socket_over_tls_ends_in_order() {
    let leaf = Leaf::self_signed(&["localhost"], false);
    let acceptor = TlsAcceptor::from(ServerSetup::new(&leaf).config());
    let (tell, told) = tokio::sync::oneshot::channel();
    let tell = std::sync::Mutex::new(Some(tell));
    let port = serve(move |stream| {
        let acceptor = acceptor.clone();
        let tell = tell.lock().unwrap().take();
        async move {
            let mut transport = Transport::other(acceptor.accept(stream).await.unwrap());
            upgrade(&mut transport).await.unwrap();
            let config = SocketConfig::new(Role::Server);
            let mut socket = Socket::new(transport, Bytes::new(), &config).await;
            let closed = socket
                .close(CloseFrame::new(CloseCode::GOING_AWAY, ""))
                .await;
            let _ = tell.unwrap().send(closed.unwrap());
        }
    })
    .await;
    let opened = open_port(port, insecure()).await.unwrap();
    let mut socket = opened.into_socket(&SocketConfig::new(Role::Client)).await;
    match socket.next().await {
        Some(Event::Closed(closed)) => assert!(closed.error.is_none() && closed.by_peer),
        other => panic!("{other:?}"),
    }
    assert!(told.await.unwrap().error.is_none());
}

#[tokio::test]
async fn whole_messages_before_a_bad_record_are_shown_and_then_the_error() {
    use std::io::Write as _;
    // A record of application data that no key has made.
    const BAD: &[u8] = b"\x17\x03\x03\x00\x20bad bad bad bad bad bad bad bad ";
    let leaf = Leaf::self_signed(&["localhost"], false);
    for versions in [&[&rustls::version::TLS12][..], &[&rustls::version::TLS13]] {
        let setup = ServerSetup {
            versions,
            ..ServerSetup::new(&leaf)
        };
        let acceptor = TlsAcceptor::from(setup.config());
        let port = serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut tls = acceptor.accept(stream).await.unwrap();
                let mut answer = Vec::new();
                let (mut asks, mut hears) = tokio::io::duplex(1 << 14);
                let mut head = vec![0; 1 << 14];
                let count = tls.read(&mut head).await.unwrap();
                asks.write_all(&head[..count]).await.unwrap();
                upgrade(&mut hears).await.unwrap();
                hears.write_all(b"\x81\x05hello").await.unwrap();
                drop(hears);
                asks.read_to_end(&mut answer).await.unwrap();
                // All in one segment, so that it is read at once.
                let mut records = Vec::new();
                let (tcp, session) = tls.get_mut();
                session.writer().write_all(&answer).unwrap();
                while session.wants_write() {
                    session.write_tls(&mut records).unwrap();
                }
                records.extend_from_slice(BAD);
                tcp.write_all(&records).await.unwrap();
                let _ = tokio::io::copy(tcp, &mut tokio::io::sink()).await;
            }
        })
        .await;
        let opened = open_port(port, insecure()).await.unwrap();
        let mut socket = opened.into_socket(&SocketConfig::new(Role::Client)).await;
        let first = socket.next().await;
        assert!(
            matches!(&first, Some(Event::Message { message, .. }) if *message == Message::text("hello")),
            "{first:?}"
        );
        match socket.next().await {
            Some(Event::Closed(closed)) => {
                let error = closed.error.unwrap();
                assert!(matches!(error, SocketError::Io(_)), "{error:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}
