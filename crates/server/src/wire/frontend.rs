//! What a client says, decoded and borrowing from the message it came in.

use super::body::{Body, Malformed, utf8};
use pgwire::messages::copy::{
    MESSAGE_TYPE_BYTE_COPY_DATA, MESSAGE_TYPE_BYTE_COPY_DONE, MESSAGE_TYPE_BYTE_COPY_FAIL,
};
use pgwire::messages::extendedquery::{
    MESSAGE_TYPE_BYTE_BIND, MESSAGE_TYPE_BYTE_CLOSE, MESSAGE_TYPE_BYTE_DESCRIBE,
    MESSAGE_TYPE_BYTE_EXECUTE, MESSAGE_TYPE_BYTE_FLUSH, MESSAGE_TYPE_BYTE_PARSE,
    MESSAGE_TYPE_BYTE_SYNC, TARGET_TYPE_BYTE_PORTAL, TARGET_TYPE_BYTE_STATEMENT,
};
use pgwire::messages::simplequery::MESSAGE_TYPE_BYTE_QUERY;
use pgwire::messages::terminate::MESSAGE_TYPE_BYTE_TERMINATE;

/// The obsolete call of a function by its oid. It is refused, but by name.
const MESSAGE_TYPE_BYTE_FUNCTION_CALL: u8 = b'F';

/// The longest message that carries a statement, parameters or COPY data. A statement larger than
/// a frame of the log could never be committed, so this is the log's limit and some room around it.
const LARGE_MESSAGE_BYTES_MAX: usize = 80 * 1024 * 1024;
/// The longest of all others, as in Postgres.
const SMALL_MESSAGE_BYTES_MAX: usize = 10_000;

/// The longest body of a kind of message; `None` for a kind that does not exist.
pub(super) fn body_bytes_max(kind: u8) -> Option<usize> {
    match kind {
        MESSAGE_TYPE_BYTE_QUERY
        | MESSAGE_TYPE_BYTE_PARSE
        | MESSAGE_TYPE_BYTE_BIND
        | MESSAGE_TYPE_BYTE_COPY_DATA
        | MESSAGE_TYPE_BYTE_FUNCTION_CALL => Some(LARGE_MESSAGE_BYTES_MAX),
        MESSAGE_TYPE_BYTE_DESCRIBE
        | MESSAGE_TYPE_BYTE_EXECUTE
        | MESSAGE_TYPE_BYTE_CLOSE
        | MESSAGE_TYPE_BYTE_FLUSH
        | MESSAGE_TYPE_BYTE_SYNC
        | MESSAGE_TYPE_BYTE_TERMINATE
        | MESSAGE_TYPE_BYTE_COPY_DONE
        | MESSAGE_TYPE_BYTE_COPY_FAIL => Some(SMALL_MESSAGE_BYTES_MAX),
        _ => None,
    }
}

/// A message of a client after startup.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frontend<'a> {
    Query(&'a str),
    Parse { statement: &'a str, text: &'a str, parameter_types: Vec<u32> },
    Bind(Bind<'a>),
    Describe(Target<'a>),
    Execute { portal: &'a str, max_rows: i32 },
    Close(Target<'a>),
    Flush,
    Sync,
    Terminate,
    CopyData(&'a [u8]),
    CopyDone,
    CopyFail(&'a str),
    FunctionCall,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bind<'a> {
    pub(crate) portal: &'a str,
    pub(crate) statement: &'a str,
    pub(crate) parameter_formats: Vec<i16>,
    pub(crate) parameters: Vec<Option<&'a [u8]>>,
    pub(crate) result_formats: Vec<i16>,
}

/// What a Describe or a Close is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    Statement(&'a str),
    Portal(&'a str),
}

impl<'a> Frontend<'a> {
    /// `kind` has passed [`body_bytes_max`].
    pub(crate) fn decode(kind: u8, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut body = Body::new(bytes);
        let message = match kind {
            MESSAGE_TYPE_BYTE_QUERY => Frontend::Query(body.text()?),
            MESSAGE_TYPE_BYTE_PARSE => decode_parse(&mut body)?,
            MESSAGE_TYPE_BYTE_BIND => Frontend::Bind(decode_bind(&mut body)?),
            MESSAGE_TYPE_BYTE_DESCRIBE => Frontend::Describe(decode_target(&mut body)?),
            MESSAGE_TYPE_BYTE_EXECUTE => {
                Frontend::Execute { portal: body.text()?, max_rows: body.int32()? }
            }
            MESSAGE_TYPE_BYTE_CLOSE => Frontend::Close(decode_target(&mut body)?),
            MESSAGE_TYPE_BYTE_FLUSH => Frontend::Flush,
            MESSAGE_TYPE_BYTE_SYNC => Frontend::Sync,
            MESSAGE_TYPE_BYTE_TERMINATE => Frontend::Terminate,
            MESSAGE_TYPE_BYTE_COPY_DATA => Frontend::CopyData(body.rest()),
            MESSAGE_TYPE_BYTE_COPY_DONE => Frontend::CopyDone,
            MESSAGE_TYPE_BYTE_COPY_FAIL => Frontend::CopyFail(body.text()?),
            _ => {
                body.rest();
                Frontend::FunctionCall
            }
        };
        body.end()?;
        Ok(message)
    }

    /// Whether a kind belongs to the extended protocol, where an error skips what follows until
    /// the next Sync.
    pub(crate) fn is_extended(kind: u8) -> bool {
        matches!(
            kind,
            MESSAGE_TYPE_BYTE_PARSE
                | MESSAGE_TYPE_BYTE_BIND
                | MESSAGE_TYPE_BYTE_DESCRIBE
                | MESSAGE_TYPE_BYTE_EXECUTE
                | MESSAGE_TYPE_BYTE_CLOSE
                | MESSAGE_TYPE_BYTE_FLUSH
        )
    }

    /// Whether skipping after an error ends with this kind.
    pub(crate) fn ends_skipping(kind: u8) -> bool {
        matches!(kind, MESSAGE_TYPE_BYTE_SYNC | MESSAGE_TYPE_BYTE_TERMINATE)
    }
}

fn decode_parse<'a>(body: &mut Body<'a>) -> Result<Frontend<'a>, Malformed> {
    let statement = body.text()?;
    let text = body.text()?;
    let count = body.count(4)?;
    let mut parameter_types = Vec::with_capacity(count);
    for _ in 0..count {
        parameter_types.push(body.int32()?.cast_unsigned());
    }
    Ok(Frontend::Parse { statement, text, parameter_types })
}

fn decode_bind<'a>(body: &mut Body<'a>) -> Result<Bind<'a>, Malformed> {
    let portal = body.text()?;
    let statement = body.text()?;
    let parameter_formats = decode_formats(body)?;
    let count = body.count(4)?;
    let mut parameters = Vec::with_capacity(count);
    for _ in 0..count {
        parameters.push(body.nullable()?);
    }
    let result_formats = decode_formats(body)?;
    Ok(Bind { portal, statement, parameter_formats, parameters, result_formats })
}

fn decode_formats(body: &mut Body<'_>) -> Result<Vec<i16>, Malformed> {
    let count = body.count(2)?;
    (0..count).map(|_| body.int16()).collect()
}

fn decode_target<'a>(body: &mut Body<'a>) -> Result<Target<'a>, Malformed> {
    match body.byte()? {
        TARGET_TYPE_BYTE_STATEMENT => body.text().map(Target::Statement),
        TARGET_TYPE_BYTE_PORTAL => body.text().map(Target::Portal),
        other => Err(Malformed::UnknownTarget(other)),
    }
}

/// The parameters of a StartupMessage behind its version: names and values, then a zero byte.
pub(crate) fn decode_startup_parameters(bytes: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    let mut body = Body::new(bytes);
    let mut parameters = Vec::new();
    loop {
        let name = body.text()?;
        if name.is_empty() {
            body.end()?;
            return Ok(parameters);
        }
        parameters.push((name.to_owned(), body.text()?.to_owned()));
    }
}

/// The UTF-8 text of a value, for whoever reads values.
pub(crate) fn decode_text(bytes: &[u8]) -> Result<&str, Malformed> {
    utf8(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIND: &[u8] = b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x04\0\0\0\x07\xff\xff\xff\xff\0\x01\0\x01";

    #[test]
    fn a_bind_is_read_in_full() {
        let Frontend::Bind(bind) = Frontend::decode(b'B', BIND).unwrap() else { panic!("no Bind") };
        assert_eq!((bind.portal, bind.statement), ("p", "s"));
        assert_eq!(bind.parameter_formats, [1]);
        assert_eq!(bind.parameters, [Some(&[0, 0, 0, 7][..]), None]);
        assert_eq!(bind.result_formats, [1]);
    }

    #[test]
    fn every_truncation_of_every_message_is_refused() {
        let messages: [(u8, &[u8]); 7] = [
            (b'B', BIND),
            (b'P', b"s\0SELECT $1\0\0\x01\0\0\0\x17"),
            (b'Q', b"SELECT 1\0"),
            (b'D', b"Sname\0"),
            (b'C', b"Pname\0"),
            (b'E', b"p\0\0\0\0\0"),
            (b'f', b"why\0"),
        ];
        for (kind, body) in messages {
            assert!(Frontend::decode(kind, body).is_ok());
            for length in 0..body.len() {
                assert!(Frontend::decode(kind, &body[..length]).is_err(), "{kind} of {length}");
            }
            let longer = [body, b"x"].concat();
            assert_eq!(Frontend::decode(kind, &longer), Err(Malformed::TooLong));
        }
    }

    #[test]
    fn counts_are_never_trusted() {
        let parse = b"\0SELECT 1\0\xff\xff";
        assert_eq!(Frontend::decode(b'P', parse), Err(Malformed::TooShort));
        let bind = b"\0\0\0\0\xff\xff";
        assert_eq!(Frontend::decode(b'B', bind), Err(Malformed::TooShort));
    }

    #[test]
    fn startup_parameters_end_with_an_empty_name() {
        let parameters = decode_startup_parameters(b"user\0ada\0database\0tallybook\0\0").unwrap();
        assert_eq!(parameters.len(), 2);
        assert!(decode_startup_parameters(b"user\0ada\0").is_err());
        assert!(decode_startup_parameters(b"user\0ada\0\0more").is_err());
    }
}
