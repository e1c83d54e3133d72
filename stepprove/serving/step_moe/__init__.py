"""The StepMoE architecture as transformers classes; importing this makes `AutoModelForCausalLM` know it."""

from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

from stepprove.serving.step_moe.configuration import StepMoeConfig
from stepprove.serving.step_moe.experts.balance import RouterBalancing, update_router_biases
from stepprove.serving.step_moe.modeling import StepMoeForCausalLM, StepMoeModel

AutoConfig.register("step_moe", StepMoeConfig, exist_ok=True)
AutoModel.register(StepMoeConfig, StepMoeModel, exist_ok=True)
AutoModelForCausalLM.register(StepMoeConfig, StepMoeForCausalLM, exist_ok=True)

__all__ = ["RouterBalancing", "StepMoeConfig", "StepMoeForCausalLM", "StepMoeModel", "update_router_biases"]
