//! Words for the other tests: one book under test, and short ways to write a draft.

use ledger::{
    Account, AccountChange, AccountChangeDraft, AccountKind, AccountOpening, AccountPath, Asset,
    AssetClass, AssetId, AssetRegister, Auditor, BookName, BookState, Decision, Direction, Draft,
    Event, EventBody, IdempotencyKey, JsonDocument, Lsn, PostingDraft, Rejection, Timestamp,
    TransactionContent, TransactionDraft, TransactionIndex, Uuid, decide,
};
use std::sync::Arc;

/// A book that decides, applies and audits every draft, and keeps its history.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) state: BookState,
    pub(crate) assets: AssetRegister,
    pub(crate) transactions: TransactionIndex,
    pub(crate) events: Vec<Event>,
    auditor: Auditor,
}

impl Book {
    /// A book with `USD` and `EUR` and these accounts, all without a minimum.
    pub(crate) fn with_accounts(accounts: &[(&str, &str, AccountKind)]) -> Book {
        let mut book = Book::default();
        for id in ["USD", "EUR"] {
            book.accept(&register(asset(id)));
        }
        for (path, asset, kind) in accounts {
            book.accept(&open(path, asset, *kind, None));
        }
        book
    }

    pub(crate) fn submit(&mut self, draft: &Draft) -> Result<Decision, Rejection> {
        let decision = decide(&self.state.with(&self.assets, &self.transactions), draft)?;
        if let Decision::New(body) = &decision {
            self.append(body.clone());
        }
        Ok(decision)
    }

    fn append(&mut self, body: EventBody) {
        if let EventBody::AssetRegistered(asset) = &body {
            self.assets.insert(asset.id.clone(), asset.clone());
        }
        let event = event(self.state.head().next().0, body);
        self.auditor
            .check(&event, &self.transactions)
            .expect("the auditor accepts what decide accepted");
        note(&mut self.transactions, &event);
        self.state.apply(&event);
        self.auditor.agrees_with(&self.state).expect("the auditor comes to the same state");
        self.events.push(event);
    }

    /// Submits what must be new.
    pub(crate) fn accept(&mut self, draft: &Draft) -> EventBody {
        match self.submit(draft) {
            Ok(Decision::New(body)) => body,
            other => panic!("{draft:?} came to {other:?}"),
        }
    }

    /// Submits what must be refused.
    pub(crate) fn refuse(&mut self, draft: &Draft) -> Rejection {
        match self.submit(draft) {
            Err(rejection) => rejection,
            other => panic!("{draft:?} came to {other:?}"),
        }
    }

    /// Submits what must have happened before; gives the seq of the original transaction.
    pub(crate) fn replay(&mut self, draft: &Draft) -> u64 {
        match self.submit(draft) {
            Ok(Decision::Replay(ledger::Original::Transaction { seq, .. })) => seq.0,
            other => panic!("{draft:?} came to {other:?}"),
        }
    }

    pub(crate) fn account(&self, wanted: &str) -> &Account {
        self.state
            .accounts()
            .find(|account| account.opening.path.as_str() == wanted)
            .unwrap_or_else(|| panic!("no account {wanted}"))
    }
}

/// Adds what an event posted, if it posted something.
pub(crate) fn note(transactions: &mut TransactionIndex, event: &Event) {
    if let EventBody::TransactionPosted(transaction) = &event.body {
        transactions.insert(event.seq, transaction);
    }
}

/// An event as the log would hold it, one second after the one before.
pub(crate) fn event(seq: u64, body: EventBody) -> Event {
    Event {
        lsn: Lsn(seq),
        book: book_name(),
        seq: ledger::Seq(seq),
        at: Timestamp(seq as i64 * 1_000_000),
        body,
    }
}

pub(crate) fn book_name() -> BookName {
    BookName::user("main").unwrap()
}

pub(crate) fn path(text: &str) -> AccountPath {
    AccountPath::new(text).unwrap()
}

pub(crate) fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::new(text).unwrap()
}

pub(crate) fn json(text: &str) -> JsonDocument {
    JsonDocument::parse(text).unwrap()
}

pub(crate) fn asset_id(text: &str) -> AssetId {
    AssetId::new(text).unwrap()
}

pub(crate) fn asset(id: &str) -> Asset {
    Asset {
        id: asset_id(id),
        class: AssetClass::Fiat,
        network: None,
        native_id: None,
        precision: 2,
        name: id.to_owned(),
    }
}

pub(crate) fn register(asset: Asset) -> Draft {
    Draft::RegisterAsset(Arc::new(asset))
}

pub(crate) fn open(at: &str, asset: &str, kind: AccountKind, min_balance: Option<i128>) -> Draft {
    Draft::OpenAccount {
        book: book_name(),
        opening: Arc::new(AccountOpening {
            path: path(at),
            asset: asset_id(asset),
            kind,
            min_balance,
            metadata: JsonDocument::default(),
        }),
    }
}

pub(crate) fn change(at: &str, change: AccountChange) -> Draft {
    Draft::ChangeAccount(AccountChangeDraft { book: book_name(), path: path(at), change })
}

pub(crate) fn close(at: &str) -> Draft {
    change(at, AccountChange { closed: Some(true), ..AccountChange::default() })
}

pub(crate) fn debit(account: &str, amount: i128) -> PostingDraft {
    leg(account, Direction::Debit, amount)
}

pub(crate) fn credit(account: &str, amount: i128) -> PostingDraft {
    leg(account, Direction::Credit, amount)
}

fn leg(account: &str, direction: Direction, amount: i128) -> PostingDraft {
    PostingDraft { account: path(account), asset: None, direction, amount }
}

/// The same leg, naming its asset.
pub(crate) fn of(posting: PostingDraft, asset: &str) -> PostingDraft {
    PostingDraft { asset: Some(asset_id(asset)), ..posting }
}

/// A transaction whose tx_id follows from its key.
pub(crate) fn transaction(key_text: &str, content: TransactionContent) -> TransactionDraft {
    TransactionDraft {
        book: book_name(),
        tx_id: id_of(key_text),
        idempotency_key: key(key_text),
        occurred_at: None,
        metadata: JsonDocument::default(),
        external_refs: JsonDocument::default(),
        content,
    }
}

pub(crate) fn id_of(key_text: &str) -> Uuid {
    let mut bytes = [0; 16];
    let length = key_text.len().min(16);
    bytes[..length].copy_from_slice(&key_text.as_bytes()[..length]);
    Uuid::from_bytes(bytes)
}

pub(crate) fn post(key_text: &str, postings: &[PostingDraft]) -> Draft {
    Draft::PostTransaction(transaction(key_text, TransactionContent::Postings(postings.to_vec())))
}

pub(crate) fn reverse(key_text: &str, reversed: &str) -> Draft {
    Draft::PostTransaction(transaction(key_text, TransactionContent::Reversal(id_of(reversed))))
}
