"""The demo model: a student trained on phantoms, so that everything downstream can be tried without patient data.

It proves nothing about patients, and its card says so.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from joblib import Parallel, delayed
from sklearn.metrics import accuracy_score, roc_auc_score
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from REACTKDLib.imaging.case import Case
from REACTKDLib.imaging.phantom import make_phantom
from REACTKDLib.imaging.preprocess import preprocess
from REACTKDLib.imaging.regions import LIVER_ID
from REACTKDLib.imaging.spec import REPRESENTATIONS, PreprocessingSpec
from REACTKDLib.inference.model_card import ModelCard
from REACTKDLib.inference.model_folder import save_model
from REACTKDLib.networks.architecture import Architecture, build_network
from REACTKDLib.networks.attribution import attribute, centre_head
from REACTKDLib.networks.batch import ModalityBatch
from REACTKDLib.networks.cpu import tune_allocator

from .losses.attention_focus import attention_focus_loss
from .losses.focal import CLASS_WEIGHTS, focal_loss
from .normalised_head import NormalisedHead

TRACER = "fdg"
"""The one PET tracer that the demo model reads."""
CLASSES = ("Well differentiated", "Moderately differentiated", "Poorly differentiated")
IN_BODY_HU = -500.0
INPUTS = {"ct_fdg": ("ct", TRACER), "ct_only": ("ct",)}
"""What a case may have: the model is chosen, calibrated and measured on both."""
FIRST_SEED = {"training": 1_000, "validation": 20_000, "test": 30_000}
"""Of the phantoms of each part: no seed is in two parts, and none below 1000 is in any."""
README = """# Demo model

A student trained on synthetic phantoms by `reactkd-train demo-model`. It lets the whole path be tried, from Apply to
report, without patient data. It has never seen a patient: its grades have no clinical meaning. `model.json` has the
details and the metrics, which were measured on phantoms too.
"""


@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """How the demo model is trained."""

    training: int = 480
    """Phantoms."""
    validation: int = 80
    test: int = 120
    grid: tuple[int, int, int] = (24, 40, 40)
    """Network input (D, H, W): coarser than the product's default, so that it trains on two cores."""
    stride: int = 2
    """Of the pooled map: on so coarse a grid it resolves what 4 does on the default one."""
    epochs: int = 14
    batch_size: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    focus: float = 0.3
    """Weight of the attention's focus on the lesions, beside the focal loss."""
    pet_dropout: float = 0.4
    """Probability that a case loses its PET. The CT is never dropped: every case has one."""
    full_dropout: float = 0.5
    """Probability that the representation `full` is blanked: what is outside the liver explains nothing here."""
    shift_voxels: int = 1
    """Augmentation: random translation, at most this far along each axis of the pooled map; images move by the same."""
    abstain_below: float = 0.5
    seed: int = 0
    jobs: int = 2


@dataclass(frozen=True)
class PhantomSet:
    """Preprocessed phantoms.

    images: modality -> (N, 3, D, H, W) float16. lesions: (N, d, h, w) float32, the soft weight of all lesions together
    on the pooled map. grades: (N,) int64.
    """

    images: dict[str, Tensor]
    lesions: Tensor
    grades: Tensor

    def __len__(self) -> int:
        return len(self.grades)


def train_demo_model(out: Path, settings: DemoSettings | None = None) -> None:
    """Trains, evaluates and writes a model folder.

    Args:
        out: The model folder.
        settings: How it is trained.
    """
    settings = settings or DemoSettings()
    torch.manual_seed(settings.seed)
    tune_allocator()
    spec = PreprocessingSpec(grid=settings.grid, feature_stride=settings.stride, zero="mean")
    spec = _with_cohort_constants(spec, settings)
    parts = {name: _phantoms(name, getattr(settings, name), spec, settings.jobs) for name in FIRST_SEED}
    architecture = Architecture(network="student", grid=settings.grid, stride=settings.stride, tracers=(TRACER,))
    network = build_network(architecture)
    epoch = _train(network, parts["training"], parts["validation"], settings)
    network.head = centre_head(network.head)
    temperature = _fit_temperature(network, parts["validation"])
    card = ModelCard(
        name="REACT-KD demo (phantoms)",
        version="1",
        architecture=architecture.to_dict(),
        preprocessing=spec,
        classes=CLASSES,
        tracers=(TRACER,),
        temperature=temperature,
        abstain_below=settings.abstain_below,
        training={
            "data": f"{settings.training} synthetic PET/CT phantoms, seeds from {FIRST_SEED['training']}",
            "phantoms": True,
            "method": "student alone (no teacher), focal loss, attention focused on the lesions, PET dropout",
            "epochs": settings.epochs,
            "best_epoch": epoch,
            "seed": settings.seed,
        },
        metrics={"data": f"{settings.test} held-out synthetic phantoms"}
        | _metrics(network, parts["test"], temperature),
        intended_use="Trying the software. Not for patients: it was trained on synthetic phantoms only.",
    )
    save_model(out, network, card, README, half=True)
    print(f"{out}: {card.metrics}")


def _with_cohort_constants(spec: PreprocessingSpec, settings: DemoSettings) -> PreprocessingSpec:
    """Mean and standard deviation of in-body voxels of training phantoms, on the [0, 1] scale (method.md, 2.1)."""
    low, high = spec.hu_window
    sums = np.zeros(3)
    for seed in range(FIRST_SEED["training"], FIRST_SEED["training"] + min(20, settings.training)):
        hu = sitk.GetArrayFromImage(make_phantom(seed).ct)
        values = (np.clip(hu[hu > IN_BODY_HU], low, high) - low) / (high - low)
        sums += values.size, values.sum(), (values**2).sum()
    mean = sums[1] / sums[0]
    return replace(spec, ct_mean=float(mean), ct_std=float(np.sqrt(sums[2] / sums[0] - mean**2)))


def _phantoms(part: str, count: int, spec: PreprocessingSpec, jobs: int) -> PhantomSet:
    seeds = range(FIRST_SEED[part], FIRST_SEED[part] + count)
    work = Parallel(n_jobs=jobs, return_as="generator")(delayed(_phantom)(seed, spec) for seed in seeds)
    cases = list(tqdm(work, total=count, desc=f"{part} phantoms"))
    channels, lesions, grades = zip(*cases, strict=True)
    images = {name: torch.from_numpy(np.stack([case[name] for case in channels])) for name in ("ct", TRACER)}
    return PhantomSet(images, torch.from_numpy(np.stack(lesions)), torch.tensor(grades))


def _phantom(seed: int, spec: PreprocessingSpec) -> tuple[dict[str, np.ndarray], np.ndarray, int]:
    """Channels by modality, the lesions' soft weight (d, h, w) and the grade."""
    phantom = make_phantom(seed)
    data = preprocess(Case.from_images(phantom.ct, phantom.liver, phantom.tumor, phantom.pet), spec)
    lesions = [region.id != LIVER_ID for region in data.regions.items]
    channels = {name: values.astype(np.float16) for name, values in data.channels.items()}
    return channels, data.region_weights[lesions].sum(axis=0), phantom.grade


def _train(network: torch.nn.Module, training: PhantomSet, validation: PhantomSet, settings: DemoSettings) -> int:
    """Leaves the network with its best weights by validation macro-AUC; returns that epoch."""
    head = NormalisedHead(network.architecture.width, network.architecture.classes)
    optimiser = torch.optim.AdamW(
        [*network.parameters(), *head.parameters()], lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    steps = settings.epochs * -(-len(training) // settings.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, total_steps=steps)
    # Oriented as oneDNN computes, convolutions train in two thirds of the time.
    network.to(memory_format=torch.channels_last_3d)
    weights = torch.tensor(CLASS_WEIGHTS)
    random = np.random.default_rng(settings.seed)
    best_auc, best_epoch, best = -np.inf, 0, {}
    for epoch in range(1, settings.epochs + 1):
        network.train()
        head.train()
        total = 0.0
        order = random.permutation(len(training))
        for chosen in tqdm(np.array_split(order, -(-len(order) // settings.batch_size)), desc=f"epoch {epoch}"):
            batch, lesions = _augmented(training, chosen, settings, random)
            features = network(batch).features
            loss = focal_loss(head(features.float().mean((2, 3, 4))), training.grades[chosen], weights)
            loss = loss + settings.focus * attention_focus_loss(features, lesions, head.weight)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(chosen)
        network.head = head.eval().folded()
        logits, shares = zip(*(_predict(network, validation, have) for have in INPUTS.values()), strict=True)
        both, ct = (_macro_auc(scores, validation.grades) for scores in logits)
        auc = (both + ct) / 2
        print(
            f"epoch {epoch}: loss {total / len(training):.4f}, validation macro-AUC {both:.3f}, CT only {ct:.3f}, "
            f"lesions' share of the attention {torch.cat(shares).median():.2f}",
            flush=True,
        )
        if auc > best_auc:
            best_auc, best_epoch = auc, epoch
            best = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(best)
    return best_epoch


def _augmented(
    cases: PhantomSet, chosen: np.ndarray, settings: DemoSettings, random: np.random.Generator
) -> tuple[ModalityBatch, Tensor]:
    """PET dropped from some cases, `full` blanked in some; all images of a case moved and mirrored alike.

    Returns the lesions' soft weights (B, d, h, w) beside it, moved with the images.
    """
    ct, pet, lesions = [], [], []
    present = {name: torch.ones(len(chosen), dtype=torch.bool) for name in ("ct", TRACER)}
    for row, index in enumerate(chosen):
        shift = random.integers(-settings.shift_voxels, settings.shift_voxels + 1, 3)
        mirrored = (np.flatnonzero(random.random(3) < 0.5) - 3).tolist()
        images = [
            cases.images[name][index].float().roll((settings.stride * shift).tolist(), (-3, -2, -1)).flip(mirrored)
            for name in ("ct", TRACER)
        ]
        if random.random() < settings.full_dropout:
            for image in images:
                image[REPRESENTATIONS.index("full")] = 0
        ct.append(images[0])
        pet.append(images[1])
        lesions.append(cases.lesions[index].roll(shift.tolist(), (-3, -2, -1)).flip(mirrored))
        present[TRACER][row] = random.random() >= settings.pet_dropout
    return ModalityBatch({"ct": torch.stack(ct), TRACER: torch.stack(pet)}, present), torch.stack(lesions)


@torch.inference_mode()
def _predict(network: torch.nn.Module, cases: PhantomSet, have: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    """Logits (N, K), and the lesions' share of all attention (N,), with the modalities in `have`."""
    network.eval()
    logits, shares = [], []
    for index in torch.arange(len(cases)).split(8):
        images = {name: cases.images[name][index].float() for name in have}
        present = {name: torch.ones(len(index), dtype=torch.bool) for name in images}
        output = network(ModalityBatch(images, present))
        attribution = attribute(output.features, cases.lesions[index, None], centre_head(network.head))
        inside, outside = attribution.nodes.abs().sum((1, 2)), attribution.background.abs().sum(1)
        logits.append(output.logits)
        shares.append(inside / (inside + outside))
    return torch.cat(logits), torch.cat(shares)


def _macro_auc(logits: Tensor, grades: Tensor) -> float:
    """One-vs-rest, unweighted mean over grades. Raises ValueError when a grade is absent."""
    return float(roc_auc_score(grades.numpy(), logits.softmax(-1).double().numpy(), multi_class="ovr"))


def _fit_temperature(network: torch.nn.Module, validation: PhantomSet) -> float:
    """The temperature of lowest negative log-likelihood over all of `INPUTS`, on a grid of 0.2 to 5."""
    logits = torch.cat([_predict(network, validation, have)[0] for have in INPUTS.values()])
    grades = validation.grades.repeat(len(INPUTS))
    temperatures = torch.logspace(-0.7, 0.7, 141)
    losses = torch.stack([F.cross_entropy(logits / t, grades) for t in temperatures])
    return float(temperatures[losses.argmin()])


def _metrics(network: torch.nn.Module, test: PhantomSet, temperature: float) -> dict[str, float]:
    found = {}
    for name, have in INPUTS.items():
        logits, shares = _predict(network, test, have)
        found[f"macro_auc_{name}"] = round(_macro_auc(logits, test.grades), 3)
        found[f"accuracy_{name}"] = round(float(accuracy_score(test.grades, logits.argmax(-1))), 3)
        found[f"nll_{name}"] = round(float(F.cross_entropy(logits / temperature, test.grades)), 3)
        found[f"median_lesion_share_{name}"] = round(float(shares.median()), 3)
    return found
