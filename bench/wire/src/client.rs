//! As much of the wire protocol as a benchmark sends: no parsing of what it does not look at.

use crate::Outcome;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

pub(crate) struct Client {
    writer: Writer,
    reader: Reader,
}

pub(crate) struct Writer {
    stream: TcpStream,
    buffer: Vec<u8>,
}

pub(crate) struct Reader {
    stream: BufReader<TcpStream>,
    /// Process and secret, as the server told them.
    cancel_key: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(port: u16, database: &str) -> Outcome<Client> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        let mut writer = Writer { stream: stream.try_clone()?, buffer: Vec::new() };
        let mut body = 196_608i32.to_be_bytes().to_vec();
        for text in ["user", "bench", "database", database, ""] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        let length = i32::try_from(body.len() + 4)?;
        writer.buffer.extend_from_slice(&length.to_be_bytes());
        writer.buffer.extend_from_slice(&body);
        writer.flush()?;
        let mut client = Client { writer, reader: Reader::new(stream) };
        client.expect_ready()?;
        Ok(client)
    }

    /// What a request to cancel must say.
    pub(crate) fn cancel_key(&self) -> &[u8] {
        &self.reader.cancel_key
    }

    /// Asks for the end of what a connection runs, and waits until the server has taken note.
    pub(crate) fn cancel(port: u16, key: &[u8]) -> Outcome<()> {
        const CANCEL: i32 = 80_877_102;
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        let length = i32::try_from(key.len() + 8)?;
        stream.write_all(&[&length.to_be_bytes(), &CANCEL.to_be_bytes(), key].concat())?;
        // The answer is the end of the connection.
        let _ = stream.read_to_end(&mut Vec::new());
        Ok(())
    }

    /// Sends a Query.
    pub(crate) fn send_query(&mut self, text: &str) -> Outcome<()> {
        self.writer.message(b'Q', |body| {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        });
        self.writer.flush()
    }

    /// Reads up to the next ReadyForQuery, or to an error.
    pub(crate) fn until_ready(&mut self) -> Outcome<()> {
        self.expect_ready()
    }

    fn expect_ready(&mut self) -> Outcome<()> {
        match self.reader.until_ready()? {
            true => Ok(()),
            false => Err("the server closed the connection".into()),
        }
    }

    /// Prepares the statement that every execute means.
    pub(crate) fn prepare(&mut self, statement: &str) -> Outcome<()> {
        self.writer.message(b'P', |body| {
            body.extend_from_slice(b"s\0");
            body.extend_from_slice(statement.as_bytes());
            body.extend_from_slice(b"\0\0\0");
        });
        self.writer.sync();
        self.writer.flush()?;
        self.expect_ready()
    }

    pub(crate) fn execute(&mut self, parameters: &[&str]) -> Outcome<()> {
        self.writer.execute(parameters);
        self.writer.sync();
        self.writer.flush()?;
        self.expect_ready()
    }

    pub(crate) fn start_copy(&mut self, statement: &str) -> Outcome<()> {
        self.send_query(statement)?;
        self.reader.until(b'G').map(drop)
    }

    pub(crate) fn copy_data(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.writer.message(b'd', |body| body.extend_from_slice(bytes));
        self.writer.flush()
    }

    pub(crate) fn end_copy(&mut self) -> Outcome<()> {
        self.writer.message(b'c', |_| {});
        self.writer.flush()?;
        self.expect_ready()
    }

    pub(crate) fn split(self) -> Outcome<(Writer, Reader)> {
        Ok((self.writer, self.reader))
    }
}

impl Writer {
    fn message(&mut self, kind: u8, write_body: impl FnOnce(&mut Vec<u8>)) {
        self.buffer.push(kind);
        let at = self.buffer.len();
        self.buffer.extend_from_slice(&[0; 4]);
        write_body(&mut self.buffer);
        let length = (self.buffer.len() - at) as u32;
        self.buffer[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }

    /// Bind and Execute of the prepared statement, parameters as text.
    pub(crate) fn execute(&mut self, parameters: &[&str]) {
        self.message(b'B', |body| {
            body.extend_from_slice(b"\0s\0\0\0");
            body.extend_from_slice(&(parameters.len() as u16).to_be_bytes());
            for parameter in parameters {
                body.extend_from_slice(&(parameter.len() as u32).to_be_bytes());
                body.extend_from_slice(parameter.as_bytes());
            }
            body.extend_from_slice(&[0, 0]);
        });
        self.message(b'E', |body| body.extend_from_slice(&[0; 5]));
    }

    pub(crate) fn sync(&mut self) {
        self.message(b'S', |_| {});
    }

    pub(crate) fn flush(&mut self) -> Outcome<()> {
        self.stream.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Says goodbye; the server answers what it has and closes.
    pub(crate) fn finish(&mut self) -> Outcome<()> {
        self.message(b'X', |_| {});
        self.flush()
    }
}

impl Reader {
    fn new(stream: TcpStream) -> Reader {
        Reader { stream: BufReader::new(stream), cancel_key: Vec::new() }
    }

    /// Reads up to the next ReadyForQuery; `false` at the end of the connection.
    pub(crate) fn until_ready(&mut self) -> Outcome<bool> {
        self.until(b'Z')
    }

    fn until(&mut self, wanted: u8) -> Outcome<bool> {
        let mut head = [0; 5];
        loop {
            if self.stream.read_exact(&mut head).is_err() {
                return Ok(false);
            }
            let [kind, length @ ..] = head;
            let length = usize::try_from(u32::from_be_bytes(length))?.saturating_sub(4);
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body)?;
            if kind == b'E' {
                return Err(String::from_utf8_lossy(&body).replace('\0', " ").into());
            }
            if kind == b'K' {
                self.cancel_key = body;
            }
            if kind == wanted {
                return Ok(true);
            }
        }
    }
}
