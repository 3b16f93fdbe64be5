//! What happens on a connection before it is a session.
//!
//! Owns refusing encryption, cancel requests, protocol versions, startup parameters and the
//! greeting. Refuses to know who may connect: nobody is asked for a password yet.

use crate::registry::{Registration, Registry};
use crate::report::Report;
use crate::sqlstate::SqlState;
use crate::wire::backend;
use crate::wire::{Body, Malformed, Socket, decode_startup_parameters};
use bytes::{BufMut, Bytes};
use pgwire::messages::startup::{GssEncRequest, SslRequest};
use sql::{BlockStatus, Engine, Session, SessionIdentity};
use std::io;
use std::sync::Arc;

const SSL_REQUEST: u32 = SslRequest::BODY_MAGIC_NUMBER.cast_unsigned();
const GSS_ENC_REQUEST: u32 = GssEncRequest::BODY_MAGIC_NUMBER.cast_unsigned();
const CANCEL_REQUEST: u32 = 80_877_102;

const MAJOR_VERSION: u32 = 3;
/// Protocol 3.2 has longer secret keys than 3.0, and nothing else that matters here.
const MINOR_VERSION_MAX: u32 = 2;
/// How long a secret key may be.
const KEY_BYTES_MAX: usize = 256;
/// A client may ask for TLS once and for GSSAPI once before it starts.
const ENCRYPTION_REQUESTS_MAX: usize = 2;

/// The database of a client that names none.
const DEFAULT_DATABASE: &str = "tallybook";

/// What a connection turned out to be.
#[derive(Debug)]
pub(crate) enum Arrival {
    Session(StartupRequest),
    Cancel {
        pid: i32,
        secret: Bytes,
    },
    /// Closed, or not a Postgres client at all.
    Nobody,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StartupRequest {
    /// As the client asked for it.
    minor_version: u32,
    parameters: Vec<(String, String)>,
}

/// Why there is no session.
#[derive(Debug)]
pub(crate) enum Refusal {
    Report(Report),
    Io(io::Error),
}

impl From<Report> for Refusal {
    fn from(report: Report) -> Self {
        Refusal::Report(report.fatal())
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Refusal::Io(error)
    }
}

/// Reads up to the packet that says what the client wants.
pub(crate) async fn receive(socket: &mut Socket) -> Result<Arrival, Refusal> {
    let mut encryption_requests = 0;
    loop {
        let (code, body) = match socket.next_startup_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => {
                if !socket.read_more().await? {
                    return Ok(Arrival::Nobody);
                }
                continue;
            }
            Err(problem) => {
                tracing::debug!(?problem, "not a Postgres client");
                return Ok(Arrival::Nobody);
            }
        };
        match code {
            SSL_REQUEST | GSS_ENC_REQUEST => {
                encryption_requests += 1;
                if encryption_requests > ENCRYPTION_REQUESTS_MAX || !body.is_empty() {
                    return Ok(Arrival::Nobody);
                }
                socket.output.put_u8(b'N');
                socket.flush().await?;
            }
            CANCEL_REQUEST => return Ok(cancel_request(&body)),
            version => return Ok(Arrival::Session(startup_request(version, &body)?)),
        }
    }
}

fn cancel_request(body: &Bytes) -> Arrival {
    let mut fields = Body::new(body);
    match fields.int32() {
        Ok(pid) if body.len() <= 4 + KEY_BYTES_MAX => {
            Arrival::Cancel { pid, secret: body.slice(4..) }
        }
        _ => Arrival::Nobody,
    }
}

fn startup_request(version: u32, body: &[u8]) -> Result<StartupRequest, Report> {
    let (major, minor) = (version >> 16, version & 0xFFFF);
    if major != MAJOR_VERSION {
        return Err(Report::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!(
                "unsupported frontend protocol {major}.{minor}: server supports \
                 {MAJOR_VERSION}.0 to {MAJOR_VERSION}.{MINOR_VERSION_MAX}"
            ),
        ));
    }
    let parameters = decode_startup_parameters(body).map_err(|malformed| match malformed {
        Malformed::InvalidText { .. } => Report::from(malformed),
        _ => Report::protocol_violation(
            "invalid startup packet layout: expected terminator as last byte",
        ),
    })?;
    Ok(StartupRequest { minor_version: minor, parameters })
}

/// Makes a session of a startup request and greets the client; the greeting is not flushed yet.
pub(crate) fn establish(
    socket: &mut Socket,
    request: StartupRequest,
    engine: &Engine,
    registry: &Arc<Registry>,
) -> Result<(Session, Registration), Report> {
    let StartupRequest { minor_version, parameters } = request;
    let (options, parameters): (Vec<_>, Vec<_>) =
        parameters.into_iter().partition(|(name, _)| name.starts_with("_pq_."));
    let identity = identity(parameters)?;
    let spoken = minor_version.min(MINOR_VERSION_MAX);
    let out = &mut socket.output;
    if minor_version > MINOR_VERSION_MAX || !options.is_empty() {
        let unknown: Vec<&str> = options.iter().map(|(name, _)| name.as_str()).collect();
        backend::negotiate_protocol_version(out, MAJOR_VERSION << 16 | spoken, &unknown);
    }
    let session = engine.session(identity)?;
    let registration = registry.register(spoken >= MINOR_VERSION_MAX).ok_or_else(|| {
        Report::new(SqlState::TOO_MANY_CONNECTIONS, "sorry, too many clients already")
            .with_hint("The limit is set by --max-connections.")
    })?;
    backend::authentication_ok(out);
    for (name, value) in session.startup_parameters() {
        backend::parameter_status(out, &name, &value);
    }
    backend::backend_key_data(out, registration.pid, &registration.secret);
    backend::ready_for_query(out, BlockStatus::Idle);
    Ok((session, registration))
}

fn identity(parameters: Vec<(String, String)>) -> Result<SessionIdentity, Report> {
    let mut user = None;
    let mut database = None;
    let mut startup_settings = Vec::new();
    for (name, value) in parameters {
        match name.as_str() {
            "user" => user = Some(value),
            "database" => database = Some(value),
            "replication" => refuse_replication(&value)?,
            _ => startup_settings.push((name, value)),
        }
    }
    let user = user.filter(|user| !user.is_empty()).ok_or_else(|| {
        Report::new(
            SqlState::INVALID_AUTHORIZATION,
            "no PostgreSQL user name specified in startup packet",
        )
    })?;
    let database = database.filter(|database| !database.is_empty());
    Ok(SessionIdentity {
        user,
        database: database.unwrap_or_else(|| DEFAULT_DATABASE.to_owned()),
        startup_settings,
    })
}

fn refuse_replication(value: &str) -> Result<(), Report> {
    match value.to_ascii_lowercase().as_str() {
        "false" | "off" | "no" | "0" => Ok(()),
        _ => Err(Report::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "replication connections are not supported",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn versions_other_than_3_are_refused() {
        let parameters = b"user\0ada\0\0";
        assert_eq!(startup_request(3 << 16 | 2, parameters).unwrap().minor_version, 2);
        assert_eq!(startup_request(3 << 16 | 99, parameters).unwrap().minor_version, 99);
        let refused = startup_request(2 << 16, parameters).unwrap_err();
        assert_eq!(refused.state().as_str(), "0A000");
        let cut = startup_request(3 << 16, b"user\0ada\0").unwrap_err();
        assert_eq!(cut.state().as_str(), "08P01");
        let text = startup_request(3 << 16, b"user\0\xff\0\0").unwrap_err();
        assert_eq!(text.state().as_str(), "22021");
    }

    #[test]
    fn a_client_that_names_no_database_gets_ours() {
        let given = identity(named(&[("user", "tester"), ("database", "shop")])).unwrap();
        assert_eq!(given.database, "shop");
        let absent = identity(named(&[("user", "tester"), ("TimeZone", "UTC")])).unwrap();
        assert_eq!(absent.database, "tallybook");
        assert_eq!(absent.startup_settings, named(&[("TimeZone", "UTC")]));
    }

    #[test]
    fn nameless_and_replicating_clients_are_refused() {
        for (parameters, state) in [
            (named(&[("database", "tallybook")]), "28000"),
            (named(&[("user", "")]), "28000"),
            (named(&[("user", "tester"), ("replication", "database")]), "0A000"),
        ] {
            assert_eq!(identity(parameters).unwrap_err().state().as_str(), state);
        }
        assert!(identity(named(&[("user", "tester"), ("replication", "false")])).is_ok());
    }
}
