"""For Binder, where postBuild puts it into the configuration of Jupyter: what Voila started goes a minute after its page was closed; the kernels of notebooks are left alone.
The numbers are those of `imgcls.use.host.server_config`; a test holds the two together. Nothing of imgcls is imported, so that Jupyter starts without it, too."""
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

class Kernels(AsyncMappingKernelManager):
    "Culls only what Voila started"
    voila = frozenset()

    async def start_kernel(self, **kwargs):
        res = await super().start_kernel(**kwargs)
        if 'VOILA_REQUEST_URL' in (kwargs.get('env') or {}): self.voila |= {res}
        return res

    async def cull_kernel_if_idle(self, kernel_id):
        if kernel_id in self.voila: await super().cull_kernel_if_idle(kernel_id)

c = get_config() # noqa: F821
c.ServerApp.kernel_manager_class = Kernels
c.ServerApp.tornado_settings = {'websocket_max_message_size':48*2**20, 'ws_ping_interval':10_000, 'ws_ping_timeout':60_000}
c.MappingKernelManager.cull_idle_timeout = 60
c.MappingKernelManager.cull_interval = 15
