//! Commands: of blocks and savepoints, SET and RESET, DISCARD ALL.

use super::{Session, tagged};
use crate::block::{Block, OpenBlock};
use crate::settings::ConfigChange;
use crate::statement::{BlockCommand, BlockModes, Isolation, Scope, SettingCommand};
use crate::{
    Answer, BlockStatus, Error, Fault, Notice, NoticeKind, Result, SessionSettings, moment,
};
use chrono::Utc;
use store::Ledger;

impl Session {
    pub(super) async fn run_block_command(
        &mut self,
        command: &BlockCommand,
    ) -> Result<&'static str> {
        match command {
            BlockCommand::Begin { modes, tag } => {
                self.begin(*modes)?;
                Ok(tag)
            }
            BlockCommand::Commit { chain } => {
                let failed = self.block.status() == BlockStatus::Failed;
                self.end(*chain, !failed, "COMMIT").await?;
                Ok(if failed { "ROLLBACK" } else { "COMMIT" })
            }
            BlockCommand::Rollback { chain } => {
                self.end(*chain, false, "ROLLBACK").await?;
                Ok("ROLLBACK")
            }
            BlockCommand::Savepoint { name } => self.define_savepoint(name),
            BlockCommand::Release { name } => {
                self.in_block("RELEASE SAVEPOINT")?.savepoints.release(name)?;
                Ok("RELEASE")
            }
            BlockCommand::RollbackTo { name } => self.roll_back_to(name),
        }
    }

    fn in_block(&mut self, statement: &str) -> Result<&mut OpenBlock> {
        self.block.open_mut().ok_or_else(|| {
            Error::new(
                Fault::NoActiveBlock,
                format!("{statement} can only be used in transaction blocks"),
            )
        })
    }

    fn define_savepoint(&mut self, name: &str) -> Result<&'static str> {
        let (writes, settings) = (self.writes.mark(), self.settings.clone());
        let open = self.in_block("SAVEPOINT")?;
        open.savepoints.define(name.to_owned(), writes, settings, open.read_only)?;
        Ok("SAVEPOINT")
    }

    fn roll_back_to(&mut self, name: &str) -> Result<&'static str> {
        let open = self.in_block("ROLLBACK TO SAVEPOINT")?;
        let savepoint = open.savepoints.roll_back_to(name)?;
        open.read_only = savepoint.read_only;
        self.writes.roll_back_to(savepoint.writes);
        self.settings.roll_back_to(&savepoint.settings);
        self.block.revive();
        Ok("ROLLBACK")
    }

    fn begin(&mut self, modes: BlockModes) -> Result<()> {
        if let Block::Open(_) = self.block {
            self.warn(NoticeKind::ActiveBlock, "there is already a transaction in progress");
            return self.set_block_modes(modes);
        }
        let (isolation, read_only) = self.settings.modes();
        self.open_block(isolation, read_only);
        self.set_block_modes(modes)
    }

    fn open_block(&mut self, isolation: Isolation, read_only: bool) {
        let started = self.implicit_start.take().unwrap_or_else(Utc::now);
        self.block = Block::Open(OpenBlock::new(isolation, read_only, started));
        self.settings.begin_block(isolation, read_only);
        if let Some(before) = self.before_implicit.take() {
            // What the implicit block has set goes with the explicit one that it becomes.
            self.settings.begin_block_at(&before);
        }
    }

    fn set_block_modes(&mut self, modes: BlockModes) -> Result<()> {
        set_block_modes(&mut self.block, &mut self.settings, modes)
    }

    pub(super) async fn end(&mut self, chain: bool, commits: bool, statement: &str) -> Result<()> {
        self.implicit_start = None;
        let (Block::Open(open) | Block::Failed(open)) = std::mem::take(&mut self.block) else {
            if chain {
                return Err(Error::new(
                    Fault::NoActiveBlock,
                    format!("{statement} AND CHAIN can only be used in transaction blocks"),
                ));
            }
            self.warn_no_block();
            // There may be an implicit one, which this ends.
            match self.before_implicit.take() {
                Some(before) if !commits => self.settings.roll_back_to(&before),
                _ => {}
            }
            return self.end_writes(commits, None).await;
        };
        let committed = self.end_writes(commits, open.rests_on()).await;
        if commits && committed.is_ok() {
            self.settings.commit_block();
        } else {
            self.settings.roll_back_block();
        }
        committed?;
        if chain {
            self.open_block(open.isolation, open.read_only);
        }
        Ok(())
    }

    pub(super) fn run_setting_command(&mut self, command: &SettingCommand) -> Result<&'static str> {
        let in_block = self.block.status() == BlockStatus::InBlock;
        match command {
            SettingCommand::Set { name, values, scope } => {
                if let (Some(modes), Some(values)) = (block_mode_of(name), values) {
                    self.set_transaction(
                        modes(&values.join(", ")).map_err(|()| {
                            crate::settings::invalid_value(name, &values.join(", "))
                        })?,
                    )?;
                    return Ok("SET");
                }
                let local = *scope == Scope::Local;
                if local && !in_block {
                    self.warn(
                        NoticeKind::NoActiveBlock,
                        "SET LOCAL can only be used in transaction blocks",
                    );
                }
                // Outside of one it holds to the end of the implicit block.
                let ledger = &self.shared.ledger;
                set(&mut self.settings, ledger, name, values.as_deref(), local)?;
                Ok("SET")
            }
            SettingCommand::SetTransaction(modes) => {
                self.set_transaction(*modes)?;
                Ok("SET")
            }
            SettingCommand::SetDefaultModes(modes) => {
                if let Some(isolation) = modes.isolation {
                    let value = [isolation.as_str().to_owned()];
                    self.settings.set("default_transaction_isolation", Some(&value), false)?;
                }
                if let Some(read_only) = modes.read_only {
                    let value = [if read_only { "on" } else { "off" }.to_owned()];
                    self.settings.set("default_transaction_read_only", Some(&value), false)?;
                }
                Ok("SET")
            }
            SettingCommand::DeferConstraints => {
                if !in_block {
                    self.warn(
                        NoticeKind::NoActiveBlock,
                        "SET CONSTRAINTS can only be used in transaction blocks",
                    );
                }
                Ok("SET CONSTRAINTS")
            }
            SettingCommand::Reset { name } => {
                self.settings.reset(name)?;
                Ok("RESET")
            }
            SettingCommand::ResetAll => {
                self.settings.reset_all();
                Ok("RESET")
            }
        }
    }

    fn set_transaction(&mut self, modes: BlockModes) -> Result<()> {
        if self.block.status() != BlockStatus::InBlock {
            self.warn(
                NoticeKind::NoActiveBlock,
                "SET TRANSACTION can only be used in transaction blocks",
            );
            // It holds to the end of the implicit block: a write is never let through by mistake.
            self.implicit_read_only = modes.read_only.or(self.implicit_read_only);
            return Ok(());
        }
        self.set_block_modes(modes)
    }

    pub(super) fn discard_all(&mut self) -> Result<Answer> {
        if self.block.status() != BlockStatus::Idle {
            return Err(Error::new(
                Fault::ActiveBlock,
                "DISCARD ALL cannot run inside a transaction block",
            ));
        }
        self.settings.reset_all();
        self.statements.clear();
        Ok(tagged("DISCARD ALL"))
    }

    /// COMMIT and ROLLBACK outside of BEGIN … COMMIT.
    pub fn warn_no_block(&mut self) {
        self.warn(NoticeKind::NoActiveBlock, "there is no transaction in progress");
    }

    fn warn(&mut self, kind: NoticeKind, message: &str) {
        self.notices.push(Notice::warning(kind, message));
    }
}

fn set_block_modes(
    block: &mut Block,
    settings: &mut SessionSettings,
    modes: BlockModes,
) -> Result<()> {
    let Block::Open(open) = block else { return Ok(()) };
    open.set_modes(modes).map_err(|message| Error::new(Fault::ActiveBlock, message))?;
    settings.set_block_modes(open.isolation, open.read_only);
    Ok(())
}

type ModesOf = fn(&str) -> Result<BlockModes, ()>;

/// How a value of a setting that stands for the current block becomes its modes.
fn block_mode_of(name: &str) -> Option<ModesOf> {
    match name.to_ascii_lowercase().as_str() {
        "transaction_isolation" => Some(|value| {
            let isolation = Some(Isolation::parse(value).ok_or(())?);
            Ok(BlockModes { isolation, read_only: None })
        }),
        "transaction_read_only" => Some(|value| {
            let read_only = Some(crate::settings::boolean(value).ok_or(())?);
            Ok(BlockModes { isolation: None, read_only })
        }),
        _ => None,
    }
}

/// One `set_config(…)`. Outside of a block a local one ends with its statement: nothing remains.
pub(super) fn change_setting(
    settings: &mut SessionSettings,
    ledger: &Ledger,
    block: &mut Block,
    in_block: bool,
    change: &ConfigChange,
) -> Result<()> {
    if let Some(modes) = block_mode_of(&change.name) {
        let modes = modes(&change.value)
            .map_err(|()| crate::settings::invalid_value(&change.name, &change.value))?;
        return set_block_modes(block, settings, modes);
    }
    let value = [change.value.clone()];
    if change.is_local && !in_block {
        return set(&mut settings.clone(), ledger, &change.name, Some(&value), true);
    }
    set(settings, ledger, &change.name, Some(&value), change.is_local)
}

/// Sets a value, also one that the ledger has a say in.
fn set(
    settings: &mut SessionSettings,
    ledger: &Ledger,
    name: &str,
    values: Option<&[String]>,
    local: bool,
) -> Result<()> {
    if !moment::is_setting(name) {
        return settings.set(name, values, local);
    }
    let mut changed = settings.clone();
    changed.set(name, values, local)?;
    moment::check(&changed, ledger)?;
    *settings = changed;
    Ok(())
}
