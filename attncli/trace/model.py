"""Find and load a model from a folder or an installed package; never from a network, never by unpickling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from attncli.errors import InputError
from attncli.said import Said
from attncli.text import a_few
from attncli.trace.building import bounded
from attncli.trace.checkpoint import CONFIG, GGUF, PICKLED, SAFETENSORS, check, config
from attncli.trace.transformers_setup import ATTENTION, first_line, quiet, transformers

# Parts of a model that come after all attention, so that attention does not depend on them.
HEADS = {
    "pooler",
    "classifier",
    "score",
    "cls",
    "qa_outputs",
    "lm_head",
    "head",
    "proj_out",
    "embed_out",
    "predictions",
}
FAMILIES_HINT = "only families that take their attention from transformers' AttentionInterface can be traced"


@dataclass(frozen=True)
class Model:
    """A model, ready to run.

    Attributes:
        name: its name, for people.
        network: the PyTorch module.
        tokenizer: its tokenizer; None if the folder holds none.
        description: name, class and type, for the source of recordings.
        headless: whether its file lacks the weights of the head, so that generated text would be random.
        notices: messages about it.
    """

    name: str
    network: Any
    tokenizer: Any
    description: str
    headless: bool = False
    notices: Sequence[str] = ()

    @property
    def config(self) -> Any:
        """The configuration of the model."""
        return self.network.config


def find(given: str) -> Path:
    """Return the folder that holds a model.

    Args:
        given: the folder itself, or the name of an installed package that ships one.

    Raises:
        InputError: there is no such folder or package, or it does not hold exactly one model.
    """
    folder = Path(given)
    if folder.is_file():
        raise InputError("is a file, not the folder of a model", place=given, hint=f"give its folder: {folder.parent}")
    if folder.is_dir():
        return _only_one(given, sorted(_in_folder(folder)))
    try:
        files = metadata.files(given) or []
    except (metadata.PackageNotFoundError, ValueError):
        hint = "attn never downloads; download the model yourself and give its folder"
        raise InputError("no such folder, and no installed package of that name", place=given, hint=hint) from None
    parents = {Path(str(file.locate())).parent for file in files if any(map(file.match, (SAFETENSORS, GGUF, *PICKLED)))}
    return _only_one(given, sorted(parent for parent in parents if _is_model(parent)))


def _in_folder(folder: Path) -> Iterator[Path]:
    if _is_model(folder):
        yield folder
    else:
        yield from (config.parent for config in folder.glob(f"*/{CONFIG}"))


def _is_model(folder: Path) -> bool:
    return (folder / CONFIG).exists() or any(folder.glob(GGUF))


def _only_one(given: str, found: list[Path]) -> Path:
    if not found:
        hint = f"a model is {CONFIG} with *.safetensors, as save_pretrained writes them, or a .gguf file"
        raise InputError("holds no model", place=given, hint=hint)
    if len(found) > 1:
        raise InputError(
            f"holds {len(found)} models", place=given, hint="give one of them: " + ", ".join(map(str, found))
        )
    return found[0]


def load(given: str) -> Model:
    """Load a model and its tokenizer.

    Raises:
        InputError: there is none, it needs custom code, or more memory than there is, or its files are not as `check`
            wants them.
    """
    folder = find(given)
    package = transformers()
    weights = check(folder, given)
    more = weights.arguments
    try:
        with quiet(), bounded(weights):
            said = package.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **more)
            network, loaded = _class(package, said, gguf=bool(more)).from_pretrained(
                folder,
                config=said,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=None if more else True,
                dtype="auto",
                attn_implementation=ATTENTION,
                output_loading_info=True,
                **more,
            )
    except InputError as error:
        error.place = given
        raise
    # For a broken folder or an unknown family, transformers raises errors of many types.
    except Exception as error:
        raise _load_error(error, folder, given) from None
    notices = _check_loaded(loaded, given)
    headless = bool(loaded.get("missing_keys"))
    name = folder.resolve().name if Path(given).is_dir() else given
    description = f"{name} ({type(network).__name__}, {str(network.dtype).removeprefix('torch.')})"
    return Model(name, network.eval(), _tokenizer(package, folder, more), description, headless, notices)


def _check_loaded(loaded: dict[str, Any], given: str) -> list[str]:
    """Refuse an incomplete model, whose missing weights are random; return notices.

    A missing head does not matter, since it comes after all attention.
    """
    missing = sorted(name for name in loaded.get("missing_keys") or () if not HEADS.intersection(name.split(".")))
    if missing:
        message = f"its file lacks {len(missing)} of the model's weights ({a_few(missing)}), which would be random"
        raise InputError(message, place=given)
    unused = sorted(loaded.get("unexpected_keys") or ())
    names = a_few(unused)
    some = Said("its file holds {count} weights that the model does not use: {names}", count=len(unused), names=names)
    return [some] if unused else []


def _class(package: Any, config: Any, *, gguf: bool) -> Any:
    """Return the class that the model was saved with, which includes its head if it has one."""
    for name in config.architectures or ():
        found = getattr(package, name, None)
        if isinstance(found, type) and issubclass(found, package.PreTrainedModel):
            return found
    # A GGUF file holds a language model, but does not name its class.
    return package.AutoModelForCausalLM if gguf else package.AutoModel


def _tokenizer(package: Any, folder: Path, more: dict[str, str]) -> Any:
    try:
        with quiet():
            return package.AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_fast=True, **more
            )
    # A folder without a tokenizer is fine for pictures and sounds; for texts, _tokenizer in inputs reports it.
    except Exception:
        return None


def _load_error(error: Exception, folder: Path, given: str) -> InputError:
    """Return an error that says in one line why a model cannot be loaded."""
    said = config(folder)
    if "auto_map" in said:
        return InputError("needs custom code, which attn never runs", place=given)
    if isinstance(error, KeyError) and error.args == (ATTENTION,):
        family = said.get("model_type", "this family")
        return InputError(f"the attention of {family} cannot be recorded", place=given, hint=FAMILIES_HINT)
    if isinstance(error, ImportError):
        return InputError(f"cannot be loaded: {first_line(error)}", place=given, hint="pip install the missing package")
    return InputError(f"cannot be loaded: {first_line(error)}", place=given)
