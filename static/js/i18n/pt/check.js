// Portuguese (as in Brazil): the connection check.
// Not yet reviewed by a native speaker.

/** @type {import('../i18n.js').Translation<import('../i18n.js').Check>} */
export default {
  'check.title': 'Verificação da conexão',
  'check.lead':
    'Esta página testa o que uma reunião precisa. Se algo estiver bloqueado, ela diz o quê, e quem pode resolver.',
  'check.scope':
    'Você não precisa entrar nem ter uma reunião. O áudio e o vídeo podem usar até quatro caminhos. Um que ' +
    'funcione já basta.',
  'check.run': 'Iniciar a verificação',
  'check.running': 'Verificando…',
  'check.again': 'Verificar novamente',
  'check.browser': 'Navegador',
  'check.browser.ok': 'Este navegador oferece suporte a tudo o que uma reunião precisa.',
  'check.browser.bad': 'Este navegador não oferece suporte a {what}. Use um navegador atual, por https.',
  'check.server': 'Servidor',
  'check.server.ok': 'O servidor responde em {ms} ms.',
  'check.server.bad': 'O servidor não está respondendo. Sua rede ou o servidor pode estar fora do ar.',
  'check.socket': 'WebSocket',
  'check.socket.ok': 'O canal de sinalização funciona.',
  'check.socket.bad':
    'Um proxy, firewall ou antivírus bloqueia WebSockets, por isso você não pode entrar. Fale com o ' +
    'administrador da sua rede.',
  'check.udp': 'Áudio e vídeo por UDP',
  'check.udp.ok': 'O melhor caminho. A ida e volta leva {ms} ms.',
  'check.udp.bad':
    'Um firewall entre você e o servidor bloqueia UDP. As reuniões precisam então de um dos caminhos abaixo.',
  'check.udp.none': 'Este servidor não oferece isso.',
  'check.tcp': 'Por TCP (ICE-TCP)',
  'check.tcp.ok': 'Usado quando UDP está bloqueado. A ida e volta leva {ms} ms.',
  'check.tcp.bad': 'Um firewall ou proxy não deixa passar conexões TCP diretas.',
  'check.tcp.none': 'Este servidor não oferece isso.',
  'check.turn': 'Pelo relay por TCP (TURN)',
  'check.turn.ok': 'Usado quando conexões diretas estão bloqueadas. A ida e volta leva {ms} ms.',
  'check.turn.bad': 'Um firewall ou proxy não deixa passar conexões ao relay.',
  'check.turn.none': 'Este servidor não oferece isso.',
  'check.turns': 'Pelo relay por TLS (TURN)',
  'check.turns.ok': 'Usado onde só o tráfego web é permitido: parece HTTPS. A ida e volta leva {ms} ms.',
  'check.turns.bad': 'Um proxy ou antivírus inspeciona conexões criptografadas, ou permite apenas HTTPS.',
  'check.turns.none': 'Este servidor não oferece isso. É preciso um certificado próprio e um nome de host.',
  'check.after.server': 'Não testado: o servidor não respondeu.',
  'check.busy': 'Não testado: o servidor está ocupado. Tente novamente em um minuto.',
  'check.best': 'As reuniões funcionam nesta rede',
  'check.best.text': 'O áudio e o vídeo usam o melhor caminho, UDP.',
  'check.detour': 'As reuniões funcionam nesta rede, por um desvio',
  'check.detour.text':
    'UDP está bloqueado, por isso o áudio e o vídeo vão por TCP. Isso funciona, mas pode travar quando a rede ' +
    'está lenta.',
  'check.blocked': 'As reuniões não funcionam nesta rede',
  'check.blocked.text':
    'Todos os caminhos para áudio e vídeo estão bloqueados. Outra rede, como o roteador Wi-Fi de um celular, ' +
    'pode funcionar.',
  'check.admin': 'O que dizer ao administrador da sua rede',
  'check.admin.text':
    'Permita UDP e TCP na porta {port} para {host} ({where}). Os navegadores enviam para lá o áudio e o vídeo ' +
    'das reuniões, sempre criptografados (DTLS-SRTP), e para nenhum outro servidor.',
  'check.operator':
    'Se ninguém consegue entrar de lugar nenhum, o endereço ou a porta do servidor está mal configurado: avise o ' +
    'operador.',
  'check.devices': 'Dispositivos',
  'check.devices.ok': { one: '{n} microfone ou câmera encontrado.', other: '{n} microfones e câmeras encontrados.' },
  'check.devices.none': 'Nenhum microfone ou câmera encontrado. Você ainda pode assistir e ouvir.',
  'check.signin': 'Entre para testar também o canal de sinalização.',
  'check.status.ok': 'Funciona',
  'check.status.bad': 'Bloqueado',
  'check.status.warn': 'Nota',
  'check.status.none': 'Não oferecido',
  'check.status.run': 'Testando…',
  'check.status.wait': 'Ainda não testado',
};
