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
  'rooms.title': 'Suas salas',
  'rooms.lead':
    'O link de uma sala não muda: planeje, envie e abra quantas vezes quiser. As salas ficam só neste dispositivo.',
  'rooms.new': 'Nova sala',
  'rooms.make': 'Criar sala',
  'rooms.made': 'Sua sala está pronta. O link já pode ser enviado; ele leva para dentro quando você a abrir.',
  'rooms.passing':
    'Este navegador não guarda nada. A sala some quando você fechar esta página, a menos que a salve em um arquivo.',
  'rooms.full': 'Salas neste dispositivo: no máximo {n}. Apague uma antes.',
  'rooms.name': 'Nome',
  'rooms.name.empty': 'Dê um nome à sala.',
  'rooms.password.help': 'Envie-a separada do link. Ela fica guardada com a sala, neste dispositivo.',
  'rooms.open': 'Abrir',
  'rooms.open.named': 'Abrir {name}',
  'rooms.more': 'Mais sobre {name}',
  'rooms.copy': 'Copiar link',
  'rooms.copied': 'Link copiado.',
  'rooms.calendar': 'Convite de calendário',
  'rooms.calendar.text': 'Calendários guardam o link com a chave. Quem pode ler o calendário também tem a chave.',
  'rooms.invitation': 'Entrar na reunião “{title}”',
  'rooms.when': 'Começa',
  'rooms.when.empty': 'Escolha um dia e uma hora.',
  'rooms.length': 'Duração',
  'rooms.minutes': '{n} min',
  'rooms.repeat': 'Repete',
  'rooms.repeat.none': 'Nunca',
  'rooms.repeat.daily': 'Todo dia',
  'rooms.repeat.weekly': 'Toda semana',
  'rooms.repeat.monthly': 'Todo mês',
  'rooms.export': 'Salvar em arquivo',
  'rooms.export.text': 'Quem tem o arquivo pode abrir esta sala e deixar outros entrar. Guarde-o como uma chave.',
  'rooms.import': 'De um arquivo',
  'rooms.imported': 'Salas adicionadas: {n}',
  'rooms.import.failed': 'Não é um arquivo de salas, ou contém salas demais.',
  'rooms.erase': 'Apagar',
  'rooms.erase.title': 'Apagar {name}?',
  'rooms.erase.text':
    'Sem um arquivo salvo, o link não poderá ser aberto de novo, e os convites não levam a lugar nenhum.',
  'notopen.title': 'Ainda não está aberta',
  'notopen.text':
    'Ainda não está aberta, ou o link está incompleto. Você pode pedir para entrar quando o anfitrião começar.',
  'notopen.mine': 'Esta reunião é sua. Quem espera por ela pode pedir para entrar quando você a abrir.',
  'notopen.back': 'O anfitrião precisa abrir esta reunião de novo. Você continua automaticamente quando ela abrir.',
  'notopen.now': 'A reunião está aberta agora.',
  'notopen.open': 'Abrir',
};
