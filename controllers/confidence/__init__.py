"""How peaked the model's predictions are along a trace: DeepConf's measures, and the controller that stops by them."""
