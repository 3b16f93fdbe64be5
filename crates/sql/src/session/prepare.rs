//! PREPARE and EXECUTE: statements that are prepared in SQL.

use super::Session;
use crate::insert::{constants, prepare_constants};
use crate::prepared::Action;
use crate::statement::{ExecuteCommand, PrepareCommand};
use crate::{Error, Fault, Prepared, Result, StatementKind, Value};

impl Session {
    pub(super) async fn understand_prepare(&mut self, command: PrepareCommand) -> Result<Prepared> {
        let PrepareCommand { name, parameter_types, statement } = command;
        // Boxed, because it is what called this.
        let statement = Box::pin(self.understand(*statement, &parameter_types)).await?;
        Ok(Prepared::new(StatementKind::Command, None, Action::Prepare { name, statement }))
    }

    pub(super) async fn understand_execute(
        &mut self,
        command: &ExecuteCommand,
    ) -> Result<Prepared> {
        let ExecuteCommand { name, arguments } = command;
        let found = self.statements.get(name)?.clone();
        let Some(statement) = found else {
            return Err(Error::new(
                Fault::UndefinedStatement,
                format!("prepared statement \"{name}\" is empty"),
            ));
        };
        let wanted = statement.parameter_types();
        if wanted.len() != arguments.len() {
            return Err(Error::new(
                Fault::SyntaxError,
                format!("wrong number of parameters for prepared statement \"{name}\""),
            )
            .with_detail(format!(
                "Expected {} parameters but got {}.",
                wanted.len(),
                arguments.len()
            )));
        }
        let plan = prepare_constants(arguments, wanted, &self.settings, &self.shared.query).await?;
        let view = self.shared.ledger.view().into();
        let parameters: Vec<Value> =
            constants(&plan, wanted, view, &self.settings, &self.shared.query).await?;
        let (kind, columns) = (statement.kind(), statement.columns().map(<[_]>::to_vec));
        Ok(Prepared::new(kind, columns, Action::Execute { statement, parameters }))
    }
}
