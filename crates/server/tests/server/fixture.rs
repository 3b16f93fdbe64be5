//! A server on an empty directory that ends with its test.

use crate::client::Client;
use server::{Database, Limits};
use std::net::SocketAddr;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Fixture {
    pub(crate) async fn start() -> Fixture {
        Self::start_with(Limits::default()).await
    }

    pub(crate) async fn start_with(limits: Limits) -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(dir.path()).unwrap();
        let listener = server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(server::serve(listener, database, limits, async {
            // A fixture that is dropped stops its server too.
            let _ = stopped.await;
        }));
        Fixture { dir, address, stop, served }
    }

    /// With the book `shop`: `cash` and `sales` in euros.
    pub(crate) async fn shop() -> (Fixture, Client) {
        let fixture = Self::start().await;
        let mut client = Client::start(fixture.address).await;
        for statement in [
            "INSERT INTO assets (id, class, precision, name) VALUES ('EUR', 'fiat', 2, 'Euro')",
            "INSERT INTO accounts (book, path, asset, kind) VALUES \
             ('shop', 'cash', 'EUR', 'asset'), ('shop', 'sales', 'EUR', 'income')",
        ] {
            let answers = client.query(statement).await;
            assert!(answers.iter().all(|message| message.kind != 'E'), "{answers:?}");
        }
        (fixture, client)
    }

    pub(crate) fn ask_to_stop(self) -> (TempDir, JoinHandle<std::io::Result<()>>) {
        self.stop.send(()).expect("the server listens for this");
        (self.dir, self.served)
    }
}
