//! A small ledger on disk with an engine on it, for tests.

use super::QueryEngine;
use crate::catalog::ViewDefinition;
use crate::query_memory::QueryMemory;
use crate::{Column, Error, PgType, Result, Rows, SessionSettings, Value};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use futures::TryStreamExt;
use std::sync::Arc;
use store::*;
use tempfile::TempDir;

pub(crate) struct Fixture {
    pub(crate) ledger: Ledger,
    engine: QueryEngine,
    pub(crate) settings: SessionSettings,
    _dir: TempDir,
}

pub(crate) struct Answered {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// 1993-01-01 00:00:00 UTC.
pub(crate) const NEW_YEAR_1993: i64 = 725_846_400_000_000;
/// What queries may hold, one of them or all.
const MEMORY_BYTES: usize = 1 << 30;
const DAY: i64 = 86_400_000_000;

impl Fixture {
    /// No assets, no books.
    pub(crate) fn empty() -> Self {
        Self::with_views(Vec::new())
    }

    pub(crate) fn with_views(views: Vec<ViewDefinition>) -> Self {
        Self::opened(tempfile::tempdir().expect("a temporary directory"), views)
    }

    /// The same ledger after a restart, with all its history in parts.
    pub(crate) fn reopened(self) -> Self {
        let Fixture { ledger, engine, settings, _dir: dir } = self;
        ledger.shutdown();
        drop((ledger, engine, settings));
        Self::opened(dir, Vec::new())
    }

    fn opened(dir: TempDir, views: Vec<ViewDefinition>) -> Self {
        let ledger = Ledger::open(dir.path()).expect("a new ledger opens");
        let memory = QueryMemory::new(MEMORY_BYTES, MEMORY_BYTES);
        let engine = QueryEngine::with_views(ledger.clone(), memory, views).expect("an engine");
        let settings =
            SessionSettings::new("tester".to_owned(), "tallybook".to_owned(), MEMORY_BYTES, &[])
                .expect("settings");
        Fixture { ledger, engine, settings, _dir: dir }
    }

    /// Book `shop`: cash 100 + i from sales on day i of 1993 for i in 0..40, every tenth refunded;
    /// book `bank`: one transfer of the largest amount there is.
    pub(crate) fn shop() -> Self {
        let fixture = Self::empty();
        fixture.asset("EUR", 2);
        fixture.account("shop", "cash", AccountKind::Asset);
        fixture.account("shop", "sales", AccountKind::Income);
        fixture.account("shop", "clients/anna", AccountKind::Liability);
        for i in 0..40 {
            let metadata = format!(r#"{{"operation":"sale","nr":{i}}}"#);
            let day = NEW_YEAR_1993 + i64::from(i) * DAY;
            fixture.post(
                "shop",
                &format!("sale-{i}"),
                "cash",
                "sales",
                100 + i128::from(i),
                day,
                &metadata,
            );
            if i % 10 == 0 {
                fixture.post(
                    "shop",
                    &format!("refund-{i}"),
                    "sales",
                    "clients/anna",
                    10,
                    day,
                    "{}",
                );
            }
        }
        fixture.account("bank", "vault", AccountKind::Asset);
        fixture.account("bank", "capital", AccountKind::Equity);
        fixture.post("bank", "all", "vault", "capital", AMOUNT_MAX, NEW_YEAR_1993, "{}");
        fixture
    }

    fn submit(&self, draft: Draft) {
        self.ledger.submit(&[draft]).wait().expect("the draft is right");
    }

    pub(crate) fn asset(&self, id: &str, precision: u8) {
        self.submit(Draft::RegisterAsset(Arc::new(Asset {
            id: AssetId::new(id).expect("a name"),
            class: AssetClass::Fiat,
            network: None,
            native_id: None,
            precision,
            name: id.to_owned(),
        })));
    }

    pub(crate) fn account(&self, book: &str, path: &str, kind: AccountKind) {
        self.submit(Draft::OpenAccount {
            book: BookName::user(book).expect("a name"),
            opening: Arc::new(AccountOpening {
                path: AccountPath::new(path).expect("a path"),
                asset: AssetId::new("EUR").expect("a name"),
                kind,
                min_balance: None,
                metadata: JsonDocument::default(),
            }),
        });
    }

    #[expect(clippy::too_many_arguments, reason = "a transfer has that many parts")]
    pub(crate) fn post(
        &self,
        book: &str,
        key: &str,
        debit: &str,
        credit: &str,
        amount: i128,
        occurred_at: i64,
        metadata: &str,
    ) {
        self.submit(self.transfer(book, key, debit, credit, amount, occurred_at, metadata));
    }

    /// Transfers of 1, 2, 3… from `a` to `b` and from `c` to `d`, in turns; `round` names them.
    pub(crate) fn post_many(&self, book: &str, round: &str, count: i128) {
        let drafts: Vec<Draft> = (1..=count)
            .map(|amount| {
                let (debit, credit) = if amount % 2 == 0 { ("a", "b") } else { ("c", "d") };
                let key = format!("{round}-{amount}");
                self.transfer(book, &key, debit, credit, amount, NEW_YEAR_1993, "{}")
            })
            .collect();
        for group in drafts.chunks(1_000) {
            self.ledger.submit(group).wait().expect("the drafts are right");
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a transfer has that many parts")]
    fn transfer(
        &self,
        book: &str,
        key: &str,
        debit: &str,
        credit: &str,
        amount: i128,
        occurred_at: i64,
        metadata: &str,
    ) -> Draft {
        let leg = |path: &str, direction| PostingDraft {
            account: AccountPath::new(path).expect("a path"),
            asset: None,
            direction,
            amount,
        };
        Draft::PostTransaction(TransactionDraft {
            book: BookName::user(book).expect("a name"),
            tx_id: self.ledger.new_tx_id(),
            idempotency_key: IdempotencyKey::new(key).expect("a key"),
            occurred_at: Some(Timestamp(occurred_at)),
            metadata: JsonDocument::parse(metadata).expect("json"),
            external_refs: JsonDocument::default(),
            content: TransactionContent::Postings(vec![
                leg(debit, Direction::Debit),
                leg(credit, Direction::Credit),
            ]),
        })
    }

    pub(crate) async fn ask(&self, sql: &str) -> Result<Answered> {
        self.ask_with(sql, &[], &[]).await
    }

    pub(crate) async fn ask_with(
        &self,
        sql: &str,
        types: &[Option<PgType>],
        values: &[Value],
    ) -> Result<Answered> {
        let prepared = self.engine.prepare(&parse(sql), types, &self.settings).await?;
        let rows = self
            .engine
            .execute(&prepared, values, self.ledger.view().into(), &self.settings)
            .await?;
        let batches: Vec<RecordBatch> = rows.try_collect().await.map_err(Error::from)?;
        let rows = batches.iter().flat_map(texts).collect();
        Ok(Answered { columns: prepared.columns, rows })
    }

    /// The rows as they come.
    pub(crate) async fn stream(&self, sql: &str) -> Rows {
        let prepared = self.engine.prepare(&parse(sql), &[], &self.settings).await.expect(sql);
        let view = self.ledger.view().into();
        self.engine.execute(&prepared, &[], view, &self.settings).await.expect(sql)
    }

    /// What running queries hold, in bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.engine.memory().used()
    }

    /// The same ledger for a session whose queries may hold so much.
    pub(crate) fn set_work_mem(&mut self, text: &str) {
        self.settings.set("work_mem", Some(&[text.to_owned()]), false).expect(text);
    }

    pub(crate) async fn ask_at(&self, sql: &str, view: View) -> Result<Answered> {
        let prepared = self.engine.prepare(&parse(sql), &[], &self.settings).await?;
        let rows = self.engine.execute(&prepared, &[], view.into(), &self.settings).await?;
        let batches: Vec<RecordBatch> = rows.try_collect().await.map_err(Error::from)?;
        let rows = batches.iter().flat_map(texts).collect();
        Ok(Answered { columns: prepared.columns, rows })
    }

    pub(crate) async fn parameter_types(&self, sql: &str) -> Vec<PgType> {
        let prepared = self.engine.prepare(&parse(sql), &[], &self.settings).await;
        prepared.expect(sql).parameter_types
    }

    /// The rows as texts; NULL is empty.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match self.ask(sql).await {
            Ok(answered) => answered.rows,
            Err(error) => panic!("{sql}\n{error:?}"),
        }
    }

    /// The only value of the only row.
    pub(crate) async fn value(&self, sql: &str) -> String {
        let rows = self.rows(sql).await;
        match rows.as_slice() {
            [row] if row.len() == 1 => row[0].clone(),
            other => panic!("{sql}\nis not one value: {other:?}"),
        }
    }

    pub(crate) async fn error(&self, sql: &str) -> Error {
        match self.ask(sql).await {
            Ok(answered) => panic!("{sql}\nanswered {:?}", answered.rows),
            Err(error) => error,
        }
    }

    pub(crate) async fn explain(&self, sql: &str) -> String {
        let rows = self.rows(&format!("EXPLAIN {sql}")).await;
        rows.concat().join("\n")
    }
}

fn parse(sql: &str) -> Statement {
    let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).expect(sql);
    assert_eq!(statements.len(), 1, "{sql}");
    statements.remove(0)
}

fn texts(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default();
    let columns: Vec<ArrayFormatter<'_>> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options).expect("a printable column"))
        .collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|column| column.value(row).to_string()).collect())
        .collect()
}
