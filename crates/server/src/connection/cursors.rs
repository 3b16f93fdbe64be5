//! SQL cursors: DECLARE, FETCH, MOVE and CLOSE on the portals of a session.
//!
//! Owns what happens to portals at the end of a block and at a rollback to a savepoint.
//!
//! Invariant: a cursor reads one cut, that of its DECLARE, and none outlives its block unless all
//! its rows are kept.

use super::portal::{Lifetime, Portal, Progress};
use super::rows::{Interruption, RowCursor, RowSink};
use super::{Connection, Failure};
use crate::codec::RowWriter;
use crate::report::Report;
use crate::sqlstate::SqlState;
use crate::wire::backend::{self, Format};
use sql::{BlockStatus, DeclaredCursor, FetchCommand, FetchEnd, Prepared, RowsTag, StatementKind};

impl Connection {
    /// Where a DECLARE may not stand: without a block, its cursor would be gone at once.
    pub(super) fn check_may_declare(&self, kind: StatementKind) -> Result<(), Report> {
        match kind {
            StatementKind::Declare { is_hold: false }
                if self.session.status() == BlockStatus::Idle && !self.query_is_block =>
            {
                Err(Report::new(
                    SqlState::NO_ACTIVE_SQL_TRANSACTION,
                    "DECLARE CURSOR can only be used in transaction blocks",
                ))
            }
            _ => Ok(()),
        }
    }

    /// Opens a cursor; gives the tag.
    pub(super) async fn declare(
        &mut self,
        prepared: &Prepared,
        declared: DeclaredCursor,
        interruption: Interruption,
    ) -> Result<&'static str, Failure> {
        let DeclaredCursor { name, options, columns, rows } = declared;
        self.portals.check_free(&name)?;
        let tag = RowsTag::Counted("SELECT");
        let mut cursor = self.cursor(prepared.kind(), columns, rows, tag);
        if options.is_scroll {
            cursor.keep(self.session.kept_rows(&name))?;
        }
        let is_alone = self.session.status() == BlockStatus::Idle;
        if options.is_hold && is_alone {
            cursor.keep(self.session.kept_rows(&name))?;
            self.keep_all(&mut cursor, interruption).await?;
        }
        let portal = Portal {
            options,
            lifetime: if options.is_hold { Lifetime::Holdable } else { Lifetime::Block },
            progress: Progress::Running(Box::new(cursor)),
            ..self.new_portal(Some(prepared.clone()))
        };
        self.portals.insert(&name, portal)?;
        Ok("DECLARE CURSOR")
    }

    /// FETCH and MOVE of a simple Query.
    pub(super) async fn fetch_simple(
        &mut self,
        fetch: &FetchCommand,
        interruption: Interruption,
    ) -> Result<String, Failure> {
        let mut cursor = self.take_cursor(&fetch.name, interruption).await?;
        let is_binary = self.portals.get(&fetch.name)?.options.is_binary;
        let columns = cursor.columns().to_vec();
        let format = if is_binary { Format::Binary } else { Format::Text };
        let formats = vec![format; columns.len()];
        let end = self.skip_to(&mut cursor, fetch, interruption).await?;
        if !fetch.is_move {
            if let FetchEnd::Rows(step) = end {
                self.await_rows(&mut cursor, step, interruption).await?;
            }
            backend::row_description(self.out(), &columns, &formats);
        }
        let writer = self.row_writer(&columns, &formats);
        let tag = self.fetch_rows(&mut cursor, fetch, end, &writer, interruption).await?;
        self.put_cursor(&fetch.name, cursor);
        Ok(tag)
    }

    /// FETCH and MOVE of the extended protocol without a limit of rows.
    pub(super) async fn fetch_extended(
        &mut self,
        fetch: &FetchCommand,
        formats: &[Format],
        interruption: Interruption,
    ) -> Result<String, Failure> {
        let mut cursor = self.take_cursor(&fetch.name, interruption).await?;
        let end = self.skip_to(&mut cursor, fetch, interruption).await?;
        let writer = self.row_writer(cursor.columns(), formats);
        let tag = self.fetch_rows(&mut cursor, fetch, end, &writer, interruption).await?;
        self.put_cursor(&fetch.name, cursor);
        Ok(tag)
    }

    /// What a FETCH gives, to be sent in pieces.
    pub(super) async fn fetch_in_pieces(
        &mut self,
        fetch: &FetchCommand,
        interruption: Interruption,
    ) -> Result<RowCursor, Failure> {
        let mut cursor = self.take_cursor(&fetch.name, interruption).await?;
        let mut rows = self.session.kept_rows(&fetch.name);
        let last = self.skip_to(&mut cursor, fetch, interruption).await?;
        if let FetchEnd::Rows(step) = last {
            self.step(&mut cursor, step, RowSink::Memory(&mut rows), interruption).await?;
        }
        let columns = cursor.columns().to_vec();
        self.put_cursor(&fetch.name, cursor);
        Ok(RowCursor::over_kept(columns, rows, RowsTag::Counted("FETCH")))
    }

    async fn fetch_rows(
        &mut self,
        cursor: &mut RowCursor,
        fetch: &FetchCommand,
        end: FetchEnd,
        writer: &RowWriter,
        interruption: Interruption,
    ) -> Result<String, Failure> {
        let count = match end {
            FetchEnd::Counted(count) => count,
            FetchEnd::Rows(step) => {
                let sink = match fetch.is_move {
                    true => RowSink::Nowhere,
                    false => RowSink::Client(writer),
                };
                self.step(cursor, step, sink, interruption).await?
            }
        };
        Ok(format!("{} {count}", if fetch.is_move { "MOVE" } else { "FETCH" }))
    }

    /// Moves to where the rows of a FETCH begin.
    async fn skip_to(
        &mut self,
        cursor: &mut RowCursor,
        fetch: &FetchCommand,
        interruption: Interruption,
    ) -> Result<FetchEnd, Failure> {
        let is_scroll = self.portals.get(&fetch.name)?.options.is_scroll;
        let plan = cursor.position().plan(fetch, is_scroll)?;
        for skip in plan.skips {
            self.step(cursor, skip, RowSink::Nowhere, interruption).await?;
        }
        Ok(plan.ends)
    }

    /// The rows of a portal, which is started if it has not been. Until they are put back it cannot
    /// be run: an error on the way leaves it so.
    async fn take_cursor(
        &mut self,
        name: &str,
        interruption: Interruption,
    ) -> Result<Box<RowCursor>, Failure> {
        let portal = self.portals.get_cursor(name)?;
        match std::mem::replace(&mut portal.progress, Progress::Unrunnable) {
            Progress::Running(cursor) => Ok(cursor),
            Progress::Sent { rows } => {
                let columns = portal.columns().unwrap_or_default().to_vec();
                Ok(Box::new(RowCursor::at_end(columns, rows)))
            }
            Progress::Unrunnable => Err(Portal::unrunnable(name).into()),
            Progress::NotStarted => {
                let parameters = std::mem::take(&mut portal.parameters);
                match portal.statement.clone() {
                    Some(prepared) if prepared.kind() == StatementKind::Query => {
                        self.start_query(&prepared, &parameters, interruption).await
                    }
                    _ => Err(Portal::unrunnable(name).into()),
                }
            }
        }
    }

    fn put_cursor(&mut self, name: &str, cursor: Box<RowCursor>) {
        if let Ok(portal) = self.portals.get_mut(name) {
            portal.progress = Progress::Running(cursor);
        }
    }

    async fn start_query(
        &mut self,
        prepared: &Prepared,
        parameters: &[sql::Value],
        interruption: Interruption,
    ) -> Result<Box<RowCursor>, Failure> {
        // Boxed, because running a statement may come to a FETCH.
        match Box::pin(self.run_prepared(prepared, parameters, interruption)).await? {
            sql::Answer::Rows { columns, rows, tag } => {
                Ok(Box::new(self.cursor(prepared.kind(), columns, rows, tag)))
            }
            _ => Err(sql::Error::new(sql::Fault::Internal, "a query gave no rows").into()),
        }
    }

    /// CLOSE; gives the tag.
    pub(super) fn close_cursor(&mut self, name: Option<&str>) -> Result<&'static str, Failure> {
        match name {
            None => {
                self.portals.clear();
                Ok("CLOSE CURSOR ALL")
            }
            Some(name) => {
                self.portals.get_cursor(name)?;
                self.portals.close(name);
                Ok("CLOSE CURSOR")
            }
        }
    }

    /// Before a block commits: its cursors WITH HOLD take in all their rows. One that cannot takes
    /// the block with it.
    pub(super) async fn keep_held_cursors(
        &mut self,
        interruption: Interruption,
    ) -> Result<(), Failure> {
        for name in self.portals.holdable() {
            let portal = self.portals.get_mut(&name)?;
            let taken = std::mem::replace(&mut portal.progress, Progress::Unrunnable);
            let Progress::Running(mut cursor) = taken else { continue };
            let kept = cursor.keep(self.session.kept_rows(&name)).map_err(Failure::from);
            let kept = match kept {
                Ok(()) => self.keep_all(&mut cursor, interruption).await,
                failed => failed,
            };
            if let Err(failure) = kept {
                self.session.abandon_block().await;
                self.portals.roll_back();
                return Err(failure);
            }
            self.put_cursor(&name, cursor);
        }
        Ok(())
    }

    /// A command has been run: portals end with their block, and with what a savepoint undoes.
    pub(super) fn settle_portals(&mut self, kind: StatementKind, tag: &str) {
        match kind {
            StatementKind::Commit if tag == "COMMIT" => self.portals.commit(),
            StatementKind::Commit | StatementKind::Rollback => self.portals.roll_back(),
            StatementKind::RollbackToSavepoint => {
                self.portals.roll_back_to(self.session.savepoint_number());
            }
            StatementKind::DiscardAll => self.portals.clear(),
            _ => {}
        }
    }

    /// A portal that belongs to the block as it stands.
    pub(super) fn new_portal(&self, statement: Option<Prepared>) -> Portal {
        Portal::new(statement, self.session.savepoint_number())
    }
}
