// Portuguese (as in Brazil): the page to make a meeting.
// Not yet reviewed by a native speaker.

/** @type {import('../i18n.js').Translation<import('../i18n.js').Home>} */
export default {
  optional: 'opcional',
  'home.welcome': 'Uma sala só sua, enquanto durar a conversa.',
  'home.lead':
    'Inicie uma reunião e compartilhe o link. Quando ela termina, não sobra nada: nem gravação, nem chat, nem ' +
    'lista de quem entrou.',
  'home.new': 'Nova reunião',
  'home.new.options': 'Opções da reunião',
  'home.join': 'Entrar',
  'home.join.label': 'Endereço ou ID da reunião',
  'home.join.placeholder': 'k7qm-2f9x-w3dj-8hrt',
  'home.join.invalid':
    'Esse não é um endereço de reunião. Cole o link completo ou digite os quatro grupos de quatro letras e ' +
    'dígitos.',
  'home.fact.gone': 'Some quando termina',
  'home.fact.gone.text': {
    one: 'As reuniões existem apenas na memória, por {n} hora no máximo.',
    other: 'As reuniões existem apenas na memória, por {n} horas no máximo.',
  },
  'home.fact.none': 'Nada é gravado',
  'home.fact.none.text': 'Sem gravações, sem histórico de chat, sem análise de uso.',
  'home.fact.audited': 'O conteúdo não é gravado',
  'home.fact.audited.text': 'Sem gravações, sem histórico de chat. Este servidor registra quem faz o quê, e quando.',
  'home.fact.here': 'Um servidor, sem terceiros',
  'home.fact.here.text': 'Esta página se conecta apenas ao servidor de onde veio.',
  'home.nohost': 'Você pode entrar em reuniões neste servidor, mas não pode criá-las.',
  'options.title': 'Título',
  'options.title.placeholder': 'Reunião da equipe',
  'options.password': 'Senha da reunião',
  'options.password.help': 'Todos que entrarem devem digitá-la. Não a envie junto com o link.',
  'options.lobby.help': 'Você admite as pessoas uma a uma, ou todas de uma vez.',
  'options.guests': 'Convidados',
  'options.guests.help':
    'Quem não se identificou pode pedir para entrar. Você vê que essas pessoas não são verificadas.',
  'options.leaves': 'Quando o anfitrião sai',
  'options.leaves.promote': 'Outra pessoa vira anfitrião',
  'options.leaves.keep': 'A reunião continua sem anfitrião',
  'options.leaves.end': 'A reunião termina',
  'options.create': 'Criar reunião',
  'options.private': 'Ocultar do servidor quem está falando',
  'options.private.help':
    'Os níveis de áudio não são enviados. Ninguém aparece como falando, e as vozes mais altas não têm prioridade.',
  'options.e2ee': 'Criptografia de ponta a ponta',
  'options.e2ee.help': 'Só as pessoas na reunião a veem, ouvem e leem. Este servidor não.',
  'options.e2ee.off':
    'Todos sempre veem um aviso de que este servidor poderia ver e ouvir a reunião. Você não pode mudar isso ' +
    'depois.',
  'options.confidential': 'Reunião confidencial',
  'options.confidential.help':
    'Criptografada, com sala de espera, sem convidados. Marcas-d’água mostram quem está olhando.',
  'options.confidential.all':
    'As reuniões neste servidor são confidenciais: criptografadas, com sala de espera e sem convidados.',
};
