# The stages of the continuous integration, by their names: `make vet`, `make unit`. `make` runs those of every change.
# CONTRIBUTING.md says what each stage is for; .ci/run holds them.

default := format modules vet types eslint unit gotest lint deadcode vulnerabilities race fuzz bench browser conformance deploy
extra := bots calm costs e2ee firefox mutants observability overload racewhole reach release states

.PHONY: all $(default) $(extra)

all:
	bash .ci/run

$(default) $(extra):
	bash .ci/run $@
