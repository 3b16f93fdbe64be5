//! The wire, message by message: for what no well-behaved driver would send.

use crate::DEADLINE;
use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

#[derive(Debug)]
pub struct RawClient {
    stream: Stream,
    /// Process and secret, from BackendKeyData.
    cancel_key: Vec<u8>,
}

/// Tallybook listens on TCP; the PostgreSQL to compare with, on a socket in its own directory.
#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn reading(&mut self) -> &mut dyn io::Read {
        match self {
            Stream::Tcp(stream) => stream,
            Stream::Unix(stream) => stream,
        }
    }

    fn writing(&mut self) -> &mut dyn io::Write {
        match self {
            Stream::Tcp(stream) => stream,
            Stream::Unix(stream) => stream,
        }
    }
}

/// A message from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub kind: char,
    pub body: Vec<u8>,
}

impl Message {
    /// The fields of an ErrorResponse or NoticeResponse by their letter.
    pub fn fields(&self) -> BTreeMap<char, String> {
        self.body
            .split(|byte| *byte == 0)
            .filter_map(|field| {
                let (letter, text) = field.split_first()?;
                Some((char::from(*letter), String::from_utf8_lossy(text).into_owned()))
            })
            .collect()
    }

    /// The SQLSTATE of an ErrorResponse.
    pub fn sqlstate(&self) -> String {
        self.fields().remove(&'C').unwrap_or_default()
    }

    /// The body of a message that is one text, such as CommandComplete.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body.strip_suffix(b"\0").unwrap_or(&self.body)).into_owned()
    }

    /// Name and type of each column of a RowDescription.
    ///
    /// # Panics
    /// If it is cut short.
    pub fn columns(&self) -> Vec<(String, u32)> {
        let mut rest = &self.body[2..];
        let mut columns = Vec::new();
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == 0).expect("a name ends");
            let name = String::from_utf8_lossy(&rest[..end]).into_owned();
            // Behind the name: table, number in the table, type, its size, its modifier, format.
            let fields = &rest[end + 1..];
            let wire_type = fields[6..10].try_into().expect("four bytes");
            columns.push((name, u32::from_be_bytes(wire_type)));
            rest = &fields[18..];
        }
        columns
    }

    /// The columns of a DataRow as text; `NULL` for null.
    pub fn row(&self) -> Vec<String> {
        let mut rest = &self.body[2..];
        let mut columns = Vec::new();
        while let Some((length, tail)) = rest.split_first_chunk::<4>() {
            let length = i32::from_be_bytes(*length);
            let (column, tail) = tail.split_at(usize::try_from(length).unwrap_or(0));
            let text = String::from_utf8_lossy(column).into_owned();
            columns.push(if length < 0 { "NULL".to_owned() } else { text });
            rest = tail;
        }
        columns
    }
}

impl RawClient {
    /// A connection on which nothing has been said yet.
    ///
    /// # Panics
    /// If nobody listens.
    pub fn open(address: SocketAddr) -> RawClient {
        Self::over(TcpStream::connect(address).expect("the server listens"))
    }

    fn over(stream: TcpStream) -> RawClient {
        stream.set_read_timeout(Some(DEADLINE)).expect("a read timeout can be set");
        stream.set_write_timeout(Some(DEADLINE)).expect("a write timeout can be set");
        stream.set_nodelay(true).expect("nodelay can be set");
        RawClient { stream: Stream::Tcp(stream), cancel_key: Vec::new() }
    }

    /// A connection that is ready for queries.
    ///
    /// # Panics
    /// If the server does not let it in.
    pub fn start(address: SocketAddr) -> RawClient {
        Self::open(address).started("tallybook")
    }

    /// A connection that is ready for queries, if the server is there and lets it in.
    ///
    /// # Errors
    /// What stood against it.
    pub fn try_start(address: SocketAddr) -> io::Result<RawClient> {
        let mut client = Self::over(TcpStream::connect(address)?);
        client.write(&Self::startup("tallybook"))?;
        loop {
            let message = client.read()?;
            match message.kind {
                'E' => return Err(io::Error::other(message.sqlstate())),
                'K' => client.cancel_key = message.body,
                'Z' => return Ok(client),
                _ => {}
            }
        }
    }

    /// A connection that is ready for queries, to the server behind a Unix socket.
    ///
    /// # Panics
    /// If the server does not let it in.
    pub fn start_at(socket: &Path, database: &str) -> RawClient {
        let stream = UnixStream::connect(socket).expect("the server listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a read timeout can be set");
        stream.set_write_timeout(Some(DEADLINE)).expect("a write timeout can be set");
        RawClient { stream: Stream::Unix(stream), cancel_key: Vec::new() }.started(database)
    }

    fn started(mut self, database: &str) -> RawClient {
        let client = &mut self;
        client.write(&Self::startup(database)).expect("the startup can be sent");
        let answers = client.until_ready();
        assert!(answers.iter().all(|message| message.kind != 'E'), "{answers:?}");
        let key = answers.into_iter().find(|message| message.kind == 'K');
        self.cancel_key = key.map(|message| message.body).unwrap_or_default();
        self
    }

    /// What a CancelRequest for this connection must say.
    pub fn cancel_key(&self) -> &[u8] {
        &self.cancel_key
    }

    /// Sends a CancelRequest and waits until the server has taken note.
    pub fn cancel(address: SocketAddr, key: &[u8]) {
        // A server that is gone has nothing to cancel.
        let Ok(stream) = TcpStream::connect(address) else { return };
        let mut canceller = Self::over(stream);
        let request = [&80_877_102i32.to_be_bytes(), key].concat();
        let _ = canceller.write(&with_length(&request));
        // The server answers by closing the connection.
        let _ = canceller.read_to_end();
    }

    /// How long a silent server is listened to.
    ///
    /// # Panics
    /// If the operating system refuses.
    pub fn give_up_after(&mut self, time: Duration) {
        let set = match &self.stream {
            Stream::Tcp(stream) => stream.set_read_timeout(Some(time)),
            Stream::Unix(stream) => stream.set_read_timeout(Some(time)),
        };
        set.expect("a read timeout can be set");
    }

    /// A startup message, version 3.0, for a database.
    pub fn startup(database: &str) -> Vec<u8> {
        let mut body = 196_608i32.to_be_bytes().to_vec();
        for text in ["user", "tester", "database", database] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        body.push(0);
        with_length(&body)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the server has closed the connection.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.writing().write_all(bytes)
    }

    /// Sends one message with its length.
    ///
    /// # Panics
    /// If the server has closed the connection.
    pub fn send(&mut self, kind: char, body: &[u8]) {
        self.try_send(kind, body).expect("the server reads");
    }

    /// Sends one message with its length.
    ///
    /// # Errors
    /// When the server has closed the connection.
    pub fn try_send(&mut self, kind: char, body: &[u8]) -> io::Result<()> {
        self.write(&Self::message(kind, body))
    }

    /// A message with its length.
    pub fn message(kind: char, body: &[u8]) -> Vec<u8> {
        let mut message = vec![kind as u8];
        message.extend(with_length(body));
        message
    }

    /// A simple Query.
    pub fn query(&mut self, text: &str) -> Vec<Message> {
        self.send('Q', &zero_ended(&[text]));
        self.until_ready()
    }

    /// Parse of the unnamed statement without parameter types, Bind without parameters, Execute.
    pub fn pipeline(&mut self, statement: &str) {
        self.parse(statement);
        self.bind_and_execute();
    }

    pub fn parse(&mut self, statement: &str) {
        let mut body = zero_ended(&["", statement]);
        body.extend([0, 0]);
        self.send('P', &body);
    }

    pub fn bind_and_execute(&mut self) {
        let mut bind = zero_ended(&["", ""]);
        bind.extend([0, 0, 0, 0, 0, 0]);
        self.send('B', &bind);
        let mut execute = zero_ended(&[""]);
        execute.extend(0i32.to_be_bytes());
        self.send('E', &execute);
    }

    /// A statement with the types of its parameters (0 where the server is to find out) and their
    /// values as text, described and executed.
    pub fn query_bound(
        &mut self,
        statement: &str,
        types: &[u32],
        values: &[Option<&str>],
    ) -> Vec<Message> {
        let count = |of: usize| u16::try_from(of).expect("so many parameters").to_be_bytes();
        let mut parse = zero_ended(&["", statement]);
        parse.extend(count(types.len()));
        types.iter().for_each(|each| parse.extend(each.to_be_bytes()));
        self.send('P', &parse);
        let mut bind = zero_ended(&["", ""]);
        bind.extend([0, 0]);
        bind.extend(count(values.len()));
        for value in values {
            let length = value.map_or(-1, |text| i32::try_from(text.len()).expect("a short text"));
            bind.extend(length.to_be_bytes());
            bind.extend(value.unwrap_or_default().as_bytes());
        }
        bind.extend([0, 0]);
        self.send('B', &bind);
        self.send('D', b"P\0");
        let mut execute = zero_ended(&[""]);
        execute.extend(0i32.to_be_bytes());
        self.send('E', &execute);
        self.sync()
    }

    pub fn sync(&mut self) -> Vec<Message> {
        self.send('S', &[]);
        self.until_ready()
    }

    /// Messages up to ReadyForQuery, which is the last.
    ///
    /// # Panics
    /// If the connection ends first.
    pub fn until_ready(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            match self.read() {
                Ok(message) => messages.push(message),
                Err(error) => panic!("{error} after {messages:?}"),
            }
            if messages.last().is_some_and(|message| message.kind == 'Z') {
                return messages;
            }
        }
    }

    /// The next message.
    ///
    /// # Errors
    /// When the connection ends or stays silent.
    pub fn read(&mut self) -> io::Result<Message> {
        let mut head = [0; 5];
        self.stream.reading().read_exact(&mut head)?;
        let length = i32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let length = usize::try_from(length - 4).map_err(io::Error::other)?;
        let mut body = vec![0; length];
        self.stream.reading().read_exact(&mut body)?;
        Ok(Message { kind: char::from(head[0]), body })
    }

    /// One byte, as the answer to an SSLRequest is.
    ///
    /// # Errors
    /// When the connection ends or stays silent.
    pub fn read_byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.stream.reading().read_exact(&mut byte)?;
        Ok(byte[0])
    }

    /// Says nothing more, as a client that has gone away; what the server still says can be read.
    ///
    /// # Errors
    /// When the connection has ended already.
    pub fn hang_up(&mut self) -> io::Result<()> {
        match &self.stream {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    /// Everything up to the end of the connection, which the server must bring about.
    ///
    /// # Errors
    /// When it stays open past the deadline.
    pub fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        match self.stream.reading().read_to_end(&mut rest) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(rest),
            Err(error) => Err(error),
            Ok(_) => Ok(rest),
        }
    }
}

/// Texts with a zero behind each.
pub(crate) fn zero_ended(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| text.bytes().chain([0])).collect()
}

fn with_length(body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 4).expect("test messages are small");
    [&length.to_be_bytes(), body].concat()
}
