//! The accept loop, and how it ends.
//!
//! Invariant: [`serve`] returns only when no connection is left and the ledger is closed. Writes
//! are never cut short; reads are, once they have had their time.

use crate::connection::Connection;
use crate::database::Database;
use crate::query_runtime::{QueryRuntime, QueryThreads};
use crate::registry::Registry;
use crate::report::Report;
use crate::startup::{self, Arrival, Refusal};
use crate::wire::Socket;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// Sockets beyond the sessions: for those that are still starting and for cancel requests.
const STARTING_MAX: usize = 512;
/// How long accepting rests after it failed, which happens when descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The bounds of a server.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Sessions at the same time; more are refused with 53300.
    pub max_connections: usize,
    /// How long a client may take to say who it is.
    pub startup_timeout: Duration,
    /// How long running reads may go on after the server was asked to stop.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_connections: 256,
            startup_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    database: Database,
    registry: Arc<Registry>,
    query_threads: QueryThreads,
    startup_timeout: Duration,
    /// No new work; idle sessions end.
    stopping: CancellationToken,
    /// Reads and stalled clients end too.
    aborting: CancellationToken,
}

/// Serves until `shutdown` resolves, then drains and closes the database.
pub async fn serve(
    listener: TcpListener,
    database: Database,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let query_runtime = QueryRuntime::start()?;
    let shared = Arc::new(Shared {
        database,
        registry: Arc::new(Registry::new(limits.max_connections)),
        query_threads: query_runtime.threads(),
        startup_timeout: limits.startup_timeout,
        stopping: CancellationToken::new(),
        aborting: CancellationToken::new(),
    });
    let mut connections = JoinSet::new();
    let sockets_max = limits.max_connections.saturating_add(STARTING_MAX);
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => report_panic(ended),
            // With no room left, clients wait in the kernel's queue.
            accepted = listener.accept(), if connections.len() < sockets_max => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(attend(Arc::clone(&shared), stream, peer));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    tracing::info!(connections = connections.len(), "stopping");
    drain(&shared, connections, limits.drain_timeout).await;
    let database = shared.database.clone();
    let closed = tokio::task::spawn_blocking(move || database.close()).await;
    tracing::info!("stopped");
    closed.map_err(io::Error::other)
}

async fn drain(shared: &Shared, mut connections: JoinSet<()>, patience: Duration) {
    shared.stopping.cancel();
    let all_ended = async {
        while let Some(ended) = connections.join_next().await {
            report_panic(ended);
        }
    };
    if tokio::time::timeout(patience, all_ended).await.is_ok() {
        return;
    }
    tracing::warn!(connections = connections.len(), "ending reads that did not finish in time");
    shared.registry.abort_all();
    shared.aborting.cancel();
    // What is left are writes: each ends with what the disk says.
    while let Some(ended) = connections.join_next().await {
        report_panic(ended);
    }
}

/// A panic is a bug of ours. It ends its own connection and nothing else.
fn report_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection panicked");
    }
}

/// One connection from its first byte to its last.
async fn attend(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "gone before it began");
        return;
    }
    let mut socket = Socket::new(stream, shared.database.engine.sent(), shared.aborting.clone());
    let begun = tokio::select! {
        begun = tokio::time::timeout(shared.startup_timeout, begin(&shared, &mut socket)) => begun,
        () = shared.stopping.cancelled() => return,
    };
    let connection = match begun {
        Ok(Ok(Some(begun))) => begun,
        Ok(Ok(None)) => return,
        Ok(Err(Refusal::Report(report))) => {
            tracing::debug!(%peer, %report, "refused");
            report.write_error(&mut socket.output);
            let _ = tokio::time::timeout(shared.startup_timeout, socket.flush()).await;
            return;
        }
        Ok(Err(Refusal::Io(error))) => {
            tracing::debug!(%peer, %error, "gone before it began");
            return;
        }
        Err(_elapsed) => {
            tracing::debug!(%peer, "did not start in time");
            return;
        }
    };
    let (session, registration) = connection;
    let pid = registration.pid;
    tracing::debug!(%peer, pid, user = session.settings().user(), "connected");
    let connection = Connection::new(
        socket,
        session,
        registration,
        shared.query_threads.clone(),
        shared.stopping.clone(),
    );
    let end = connection.run().await;
    tracing::debug!(%peer, pid, %end, "disconnected");
}

type Begun = Option<(sql::Session, crate::registry::Registration)>;

async fn begin(shared: &Shared, socket: &mut Socket) -> Result<Begun, Refusal> {
    match startup::receive(socket).await? {
        Arrival::Session(request) => {
            let engine = &shared.database.engine;
            let begun = startup::establish(socket, request, engine, &shared.registry)
                .map_err(Report::fatal)?;
            Ok(Some(begun))
        }
        Arrival::Cancel { pid, secret } => {
            shared.registry.cancel(pid, &secret);
            Ok(None)
        }
        Arrival::Nobody => Ok(None),
    }
}
