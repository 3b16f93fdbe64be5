//! What writes: statements into the block around them, and that block to its outcome.
//!
//! Invariant: a write is answered either as staged in an explicit block, or with its real outcome.

use super::{Session, tagged};
use crate::block::{Block, BlockCommit, BlockOutcome, BlockWrites, WriteStatement};
use crate::clock::Clock;
use crate::copy::CopyPlan;
use crate::engine::Shared;
use crate::explain_write::ExplainWrite;
use crate::insert::{InsertEnvironment, RowWrite};
use crate::moment::{self, Moment};
use crate::prepared::Action;
use crate::provider::PinnedView;
use crate::settings::text_rows;
use crate::write_plan::WritePlan;
use crate::{
    Answer, BlockStatus, CopyIn, Error, Fault, Prepared, Result, RowsTag, Value, WriteAnswer,
};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use std::sync::Arc;
use store::{Unmoved, View};

/// The rows of a write on their way out of the ledger: see [`Session::gather`].
pub type Gathering = BoxFuture<'static, Result<GatheredRows>>;

/// The rows of a write that is not staged yet.
#[derive(Debug)]
pub struct GatheredRows {
    statement: WriteStatement,
    rows: Vec<RowWrite>,
}

impl Session {
    /// What the next statement reads at: a moment of the past, or the block's view, with what the
    /// block has written.
    pub(super) async fn view(&mut self) -> Result<PinnedView> {
        if let Some(moment) = self.settings.moment() {
            self.block.note_statement();
            let started = self.block_start();
            return Ok(PinnedView::fixed(self.past_view(moment).await?).of_block(started));
        }
        self.decide_staged().await?;
        let view = self.block.view(|| self.shared.ledger.view());
        self.writes.yield_to_committed(&view)?;
        let view = self.writes.shown_in(view);
        let view = match self.block.reads() {
            Some(reads) => PinnedView::noting(view, reads.clone()),
            None if self.block.keeps_its_view() => PinnedView::fixed(view),
            None => PinnedView::from(view),
        };
        Ok(view.of_block(self.block_start()))
    }

    /// When the block began, explicit or implicit. An implicit one begins with its first statement.
    pub(super) fn block_start(&mut self) -> DateTime<Utc> {
        match &self.block {
            Block::Open(open) | Block::Failed(open) => open.started,
            Block::Idle => *self.implicit_start.get_or_insert_with(Utc::now),
        }
    }

    /// The ledger at a moment: the past does not change, so it is looked up once.
    async fn past_view(&mut self, moment: Moment) -> Result<View> {
        if let Some((known, view)) = &self.past
            && *known == moment
        {
            return Ok(view.clone());
        }
        let view = moment::view(&self.shared.ledger, moment).await?;
        self.past = Some((moment, view.clone()));
        Ok(view)
    }

    async fn decide_staged(&mut self) -> Result<()> {
        let decided = self.writes.decide(&self.shared.ledger).await;
        decided.map_err(|refused| refused.error)
    }

    /// Computes the rows of a write that reads the ledger. Nothing is written by it: it may run on
    /// other threads and be dropped anywhere. What it gives goes to [`Self::stage_rows`].
    pub async fn gather(&mut self, prepared: &Prepared, parameters: &[Value]) -> Result<Gathering> {
        self.check_not_failed(prepared.kind())?;
        let begun = self.begin_gathering(prepared, parameters).await;
        self.failing(begun)
    }

    async fn begin_gathering(
        &mut self,
        prepared: &Prepared,
        parameters: &[Value],
    ) -> Result<Gathering> {
        let (prepared, parameters) = prepared.resolved(parameters);
        let Action::Write(plan) = prepared.action() else {
            return Err(Error::new(Fault::Internal, "only a write gathers rows"));
        };
        self.check_may_write(plan.verb())?;
        self.block.note_statement();
        let view = self.view().await?;
        let (prepared, parameters) = (prepared.clone(), parameters.to_vec());
        let (shared, settings) = (self.shared.clone(), self.settings.clone());
        let started = view.started;
        Ok(Box::pin(async move {
            let Action::Write(plan) = prepared.action() else {
                return Err(Error::new(Fault::Internal, "only a write gathers rows"));
            };
            let Shared { ledger, query, sent, .. } = &*shared;
            let environment = InsertEnvironment { ledger, query, settings: &settings, sent, view };
            let rows = plan.rows(&parameters, &environment).await?;
            let clock = Clock { zone: settings.time_zone(), started };
            let statement = WriteStatement::of_plan(&prepared, &parameters, clock);
            Ok(GatheredRows { statement, rows })
        }))
    }

    /// Takes gathered rows into the block around the statement.
    pub async fn stage_rows(&mut self, gathered: GatheredRows) -> Result<Answer> {
        let staged = self.stage(gathered.statement, gathered.rows).await;
        self.failing(staged)
    }

    pub(super) async fn write(
        &mut self,
        prepared: &Prepared,
        plan: &WritePlan,
        parameters: &[Value],
    ) -> Result<Answer> {
        if plan.reads() {
            let GatheredRows { statement, rows } =
                self.begin_gathering(prepared, parameters).await?.await?;
            return self.stage(statement, rows).await;
        }
        self.check_may_write(plan.verb())?;
        self.block.note_statement();
        let environment = InsertEnvironment {
            ledger: &self.shared.ledger,
            query: &self.shared.query,
            settings: &self.settings,
            sent: &self.shared.sent,
            view: self.shared.ledger.view().into(),
        };
        let rows = plan.rows(parameters, &environment).await?;
        let clock = Clock { zone: self.settings.time_zone(), started: self.block_start() };
        self.stage(WriteStatement::of_plan(prepared, parameters, clock), rows).await
    }

    pub(super) async fn explain_write(
        &mut self,
        explain: &ExplainWrite,
        parameters: &[Value],
    ) -> Result<Answer> {
        let environment = InsertEnvironment {
            view: self.view().await?,
            ledger: &self.shared.ledger,
            query: &self.shared.query,
            settings: &self.settings,
            sent: &self.shared.sent,
        };
        let lines = explain.lines(parameters, &environment).await?;
        let rows: Vec<_> = lines.into_iter().map(|line| vec![Some(line)]).collect();
        text_rows(ExplainWrite::columns(), &rows, RowsTag::Plain("EXPLAIN"))
    }

    pub(super) async fn begin_copy(&mut self, plan: &Arc<CopyPlan>) -> Result<Answer> {
        self.check_may_write("COPY FROM")?;
        self.block.note_statement();
        let is_alone = self.block.status() == BlockStatus::Idle && !self.holds_writes();
        if plan.commits_in_pieces() && !is_alone {
            return Err(CopyIn::pieces_in_block());
        }
        let Shared { ledger, sent, .. } = &*self.shared;
        Ok(Answer::CopyIn(Box::new(CopyIn::new(plan, ledger, &self.settings, sent))))
    }

    pub(super) async fn write_copy(&mut self, copy: CopyIn) -> Result<Answer> {
        if copy.commits_in_pieces() {
            let count = copy.finish_pieces().await?;
            return Ok(Answer::Written(WriteAnswer { verb: "COPY", count, rows: None }));
        }
        let copied = copy.finish()?;
        let statement = WriteStatement::Copy { table: copied.table, lines: copied.lines };
        self.stage(statement, copied.rows).await
    }

    /// Takes rows into the block. In an explicit one they are checked and answered at once.
    async fn stage(&mut self, statement: WriteStatement, rows: Vec<RowWrite>) -> Result<Answer> {
        self.writes.push(statement, rows)?;
        if self.block.status() == BlockStatus::Idle {
            return Ok(Answer::Held);
        }
        self.decide_staged().await?;
        if let Some(reads) = self.block.reads() {
            self.writes.note_replays(reads);
        }
        let view = self.block.view(|| self.shared.ledger.view());
        let answers = self.writes.tentative_answers(self.writes.len(), &view)?;
        let answer = answers.into_iter().next_back();
        answer
            .map(Answer::Written)
            .ok_or_else(|| Error::new(Fault::Internal, "a statement was staged and has no answer"))
    }

    /// Whether the implicit block cannot end before its outcome is known: it has changed settings,
    /// which go back with it.
    pub fn changes_settings(&self) -> bool {
        self.before_implicit.is_some()
    }

    pub(super) fn note_implicit_change(&mut self) {
        if matches!(self.block, Block::Idle) && self.before_implicit.is_none() {
            self.before_implicit = Some(self.settings.clone());
        }
    }

    /// The end of a Query, or of the messages up to a Sync.
    pub fn end_implicit_block(&mut self) {
        self.implicit_start = None;
        self.implicit_read_only = None;
        if self.before_implicit.take().is_some() && matches!(self.block, Block::Idle) {
            self.settings.end_local();
        }
    }

    pub(super) fn fail_implicit_block(&mut self) {
        drop(self.take_writes());
        self.implicit_start = None;
        self.implicit_read_only = None;
        if let Some(before) = self.before_implicit.take() {
            self.settings.roll_back_to(&before);
        }
    }

    pub(super) fn take_writes(&mut self) -> BlockWrites {
        std::mem::replace(&mut self.writes, BlockWrites::new(&self.shared.sent))
    }

    /// Whether writes of an implicit block wait for its end.
    pub fn holds_writes(&self) -> bool {
        matches!(self.block, Block::Idle) && !self.writes.is_empty()
    }

    /// Answers the held writes before their block ends, as inside of an explicit one.
    pub async fn answer_held(&mut self) -> BlockOutcome {
        let ledger = &self.shared.ledger;
        if let Err(refused) = self.writes.decide(ledger).await {
            return BlockOutcome::refused(&mut self.writes, refused, ledger);
        }
        let answers = self.writes.tentative_answers(self.writes.len(), &ledger.view());
        BlockOutcome::of(answers)
    }

    /// Ends the implicit block: hands its writes to the store, in order with all that this session
    /// handed over before. Waits for room, not for the disk.
    pub async fn submit_held(&mut self) -> Result<BlockCommit, BlockOutcome> {
        let writes = self.take_writes();
        BlockCommit::submit(writes, None, &self.shared.ledger).await
    }

    /// Commits what the block has written, or forgets it. `unmoved` is what it rests on.
    pub(super) async fn end_writes(
        &mut self,
        commits: bool,
        unmoved: Option<Unmoved>,
    ) -> Result<()> {
        let writes = self.take_writes();
        if writes.is_empty() || !commits {
            return Ok(());
        }
        let outcome = match BlockCommit::submit(writes, unmoved, &self.shared.ledger).await {
            Ok(commit) => commit.outcome().await,
            Err(outcome) => outcome,
        };
        outcome.error.map_or(Ok(()), Err)
    }

    /// Executes and commits a statement that stands alone, for callers without a wire.
    pub async fn execute_alone(
        &mut self,
        prepared: &Prepared,
        parameters: &[Value],
    ) -> Result<Answer> {
        let answer = match self.execute(prepared, parameters).await {
            Ok(Answer::Held) => self.commit_held().await,
            answer => answer,
        };
        match &answer {
            Ok(_) => self.end_implicit_block(),
            Err(_) => self.fail_block(),
        }
        answer
    }

    /// Commits the held writes and gives the answer of the last.
    pub async fn commit_held(&mut self) -> Result<Answer> {
        let outcome = match self.submit_held().await {
            Ok(commit) => commit.outcome().await,
            Err(outcome) => outcome,
        };
        match (outcome.error, outcome.answers.into_iter().next_back()) {
            (Some(error), _) => Err(error),
            (None, Some(answer)) => Ok(Answer::Written(answer)),
            (None, None) => Ok(tagged("COMMIT")),
        }
    }

    fn check_may_write(&self, shown: &str) -> Result<()> {
        let read_only = match &self.block {
            Block::Open(open) | Block::Failed(open) => open.read_only,
            Block::Idle => self.implicit_read_only.unwrap_or_else(|| self.settings.modes().1),
        };
        let moment = self.settings.moment();
        if !read_only && moment.is_none() {
            return Ok(());
        }
        let message = format!("cannot execute {shown} in a read-only transaction");
        let refused = Error::new(Fault::ReadOnly, message);
        Err(match moment {
            Some(moment) => refused
                .with_detail(format!("The session reads the ledger as it stood at {moment}."))
                .with_hint("RESET tallybook.as_of and tallybook.as_of_lsn to write."),
            None => refused,
        })
    }
}
