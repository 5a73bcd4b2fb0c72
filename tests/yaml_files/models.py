from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from bridge.errors import ConfigError
from bridge.yaml_files import Describe, validate
from tests.yaml_files.read import parsed


def refuse(value):
    raise ValueError(f"never {value!r}")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Token(Strict):
    type: Literal["token"]
    key: str
    secret: SecretStr = Field(default=SecretStr("x"), min_length=1)


class Role(Strict):
    type: Literal["role"]


class Output(Strict):
    data_stream: str
    partition_key: Annotated[str, Field(max_length=4)] | None = None


class Model(Strict):
    each: bool = False
    count: int = Field(default=1, ge=5, le=65535)
    ratio: float = Field(default=1.0, gt=0)
    where: str | None = None
    when_full: Literal["block", "drop_oldest"] = "block"
    outputs: tuple[Output, ...] = ()
    login: Annotated[Token | Role, Field(discriminator="type")] | None = None
    url: str | list[str] = "x"
    expect: list[Output] | Literal["filtered"] | None = None
    refused: Annotated[str, AfterValidator(refuse)] | None = None
    pair: dict[str, int] = Field(default_factory=dict)
    region: Annotated[str, Describe("a region"), Field(pattern="^r[0-9]$")] = "r1"
    anything: Any = None


def problems(text, environ=None, model=Model, path=()):
    with pytest.raises(ConfigError) as caught:
        validate(model, parsed(text, environ), path)
    return [str(problem).removeprefix("file.yaml:") for problem in caught.value.problems]
