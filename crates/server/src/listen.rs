//! Where the server may listen: on loopback, because nobody is asked for a password yet.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Why an address cannot be listened on.
#[derive(Debug)]
pub enum ListenError {
    /// Reachable from other machines.
    NotLoopback(SocketAddr),
    Io {
        address: SocketAddr,
        source: io::Error,
    },
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenError::NotLoopback(address) => write!(
                f,
                "refusing to listen on {address}: tallybook does not ask for passwords yet, so it \
                 only listens on loopback addresses such as 127.0.0.1:{port} or [::1]:{port}",
                port = address.port()
            ),
            ListenError::Io { address, source } => {
                write!(f, "cannot listen on {address}: {source}")
            }
        }
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ListenError::NotLoopback(_) => None,
            ListenError::Io { source, .. } => Some(source),
        }
    }
}

/// Listens on a loopback address; port 0 takes any free port.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    if !address.ip().to_canonical().is_loopback() {
        return Err(ListenError::NotLoopback(address));
    }
    TcpListener::bind(address).await.map_err(|source| ListenError::Io { address, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_loopback_is_listened_on() {
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:192.0.2.1]:0"] {
            let refused = bind(address.parse().unwrap()).await.unwrap_err();
            assert!(matches!(refused, ListenError::NotLoopback(_)), "{address}");
            assert!(refused.to_string().contains("127.0.0.1"));
        }
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        assert!(listener.local_addr().unwrap().ip().is_loopback());
    }
}
