//! A client that sends exactly what it is told to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    /// From BackendKeyData: process id and secret.
    pub(crate) key: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: char,
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn fields(&self) -> BTreeMap<char, String> {
        let fields = self.body.split(|byte| *byte == 0);
        fields
            .filter_map(|field| {
                let (letter, text) = field.split_first()?;
                Some((char::from(*letter), String::from_utf8_lossy(text).into_owned()))
            })
            .collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.body.strip_suffix(b"\0").unwrap_or(&self.body)).into_owned()
    }
}

pub(crate) fn kinds(messages: &[Message]) -> String {
    messages.iter().map(|message| message.kind).collect()
}

/// The SQLSTATE of the only error.
#[track_caller]
pub(crate) fn error(messages: &[Message]) -> String {
    let errors: Vec<&Message> = messages.iter().filter(|message| message.kind == 'E').collect();
    assert_eq!(errors.len(), 1, "one error in {messages:?}");
    errors[0].fields().remove(&'C').unwrap_or_default()
}

pub(crate) fn zero_ended(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| text.bytes().chain([0])).collect()
}

pub(crate) fn packet(code: i32, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 8).unwrap();
    [&length.to_be_bytes()[..], &code.to_be_bytes(), body].concat()
}

pub(crate) fn startup(version: i32, parameters: &[&str]) -> Vec<u8> {
    packet(version, &[zero_ended(parameters), vec![0]].concat())
}

pub(crate) const VERSION_3_0: i32 = 3 << 16;

impl Client {
    pub(crate) async fn open(address: SocketAddr) -> Client {
        Client { stream: TcpStream::connect(address).await.unwrap(), key: Vec::new() }
    }

    pub(crate) async fn start(address: SocketAddr) -> Client {
        let mut client = Self::open(address).await;
        let parameters = ["user", "tester", "database", "tallybook"];
        client.write(&startup(VERSION_3_0, &parameters)).await;
        let greeting = client.until_ready().await;
        let key = greeting.iter().find(|message| message.kind == 'K');
        client.key = key.unwrap_or_else(|| panic!("no key in {greeting:?}")).body.clone();
        client
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn send(&mut self, kind: char, body: &[u8]) {
        let length = i32::try_from(body.len() + 4).unwrap();
        self.write(&[&[kind as u8], &length.to_be_bytes()[..], body].concat()).await;
    }

    pub(crate) async fn query(&mut self, text: &str) -> Vec<Message> {
        self.send('Q', &zero_ended(&[text])).await;
        self.until_ready().await
    }

    /// Parse, Bind without parameters and Execute of the unnamed statement.
    pub(crate) async fn pipeline(&mut self, statement: &str) {
        self.send('P', &[zero_ended(&["", statement]), vec![0, 0]].concat()).await;
        self.send('B', &[0; 8]).await;
        self.send('E', &[0; 5]).await;
    }

    pub(crate) async fn sync(&mut self) -> Vec<Message> {
        self.send('S', &[]).await;
        self.until_ready().await
    }

    /// `None` at the end of the connection.
    pub(crate) async fn read(&mut self) -> Option<Message> {
        let kind = self.stream.read_u8().await.ok()?;
        let length = self.stream.read_i32().await.ok()?;
        let mut body = vec![0; usize::try_from(length).unwrap() - 4];
        self.stream.read_exact(&mut body).await.ok()?;
        Some(Message { kind: char::from(kind), body })
    }

    pub(crate) async fn read_byte(&mut self) -> Option<u8> {
        self.stream.read_u8().await.ok()
    }

    pub(crate) async fn until(&mut self, kind: char) -> Vec<Message> {
        let mut messages: Vec<Message> = Vec::new();
        while messages.last().is_none_or(|message| message.kind != kind) {
            match self.read().await {
                Some(message) => messages.push(message),
                None => panic!("the connection ended after {messages:?}"),
            }
        }
        messages
    }

    pub(crate) async fn until_ready(&mut self) -> Vec<Message> {
        self.until('Z').await
    }

    /// Everything up to the end, which the server must bring about.
    pub(crate) async fn until_end(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.read().await {
            messages.push(message);
        }
        messages
    }
}
